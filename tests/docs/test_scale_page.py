"""The snippets of docs/scale.md are run: the parts beside each other, and the move there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import psycopg
import pytest

from ringback.signing.master_key import VARIABLE
from ringback.testing.emulator import Emulator
from tests.docs.pages import blocks
from tests.e2e.harness import free_port
from tests.files.artifacts.artifact_stores import REGION, S3Server, s3_server
from tests.postgres import Databases

PAGE = "docs/scale.md"
KEY = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
MODEL = "bfl/flux-1-dev"  # which the snippet's worker is for
_LIMIT_S = 120


@pytest.fixture
def s3() -> Iterator[S3Server]:
    with s3_server() as server:
        server.bucket("ringback")
        yield server


@pytest.fixture
def environment(on_path: str, s3: S3Server) -> dict[str, str]:
    """What a snippet is run with, besides what it sets itself."""
    return {
        **os.environ,
        "PATH": on_path,
        "RINGBACK_PORT": str(free_port()),
        "RINGBACK_ARTIFACTS_ENDPOINT": s3.endpoint,
        "RINGBACK_ARTIFACTS_REGION": REGION,
        "RINGBACK_LOG_LEVEL": "warning",
    }


def filled_in(snippet: str, *, dsn: str) -> str:
    """Return a snippet with its dots filled in."""
    for blank, value in (
        ("postgresql://ringback:…@db/ringback", dsn),
        (f"{VARIABLE}=…", f"{VARIABLE}={KEY}"),
        ("KEY_ID=…", "KEY_ID=test"),
        ("ACCESS_KEY=…", "ACCESS_KEY=test"),
    ):
        assert blank in snippet
        snippet = snippet.replace(blank, f"{value}")
    assert "…" not in snippet
    return snippet


@contextmanager
def running(snippet: str, folder: Path, environment: dict[str, str]) -> Iterator[None]:
    """Run a snippet's commands beside each other, each until the end of the context."""
    lines = [line.split(" #")[0].rstrip() for line in snippet.splitlines()]
    beside = [f"{line} &" if line.startswith("ringback ") else line for line in lines]
    process = subprocess.Popen(
        ["bash", "-e", "-c", "\n".join([*beside, "wait"])],
        cwd=folder,
        env=environment,
        start_new_session=True,
    )
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=_LIMIT_S)


def until_ready(url: str) -> None:
    """Return once a server answers that it is ready."""
    deadline = time.monotonic() + _LIMIT_S
    while time.monotonic() < deadline:
        try:
            if httpx2.get(f"{url}/readyz", headers={"connection": "close"}).status_code == 200:
                return
        except httpx2.TransportError:
            pass
    raise AssertionError("it was never ready")


@pytest.mark.timeout(2 * _LIMIT_S)
def test_the_parts_start_beside_each_other_and_do_a_job(
    tmp_path: Path, databases: Databases, s3: S3Server, environment: dict[str, str]
) -> None:
    url = f"http://127.0.0.1:{environment['RINGBACK_PORT']}"
    with databases.fresh(template="template0") as dsn:
        snippet = filled_in(blocks(PAGE, "sh")[0], dsn=dsn)
        with running(snippet, tmp_path, environment):
            until_ready(url)
            shared = {"RINGBACK_DATABASE": dsn, VARIABLE: KEY}
            made = subprocess.run(
                [sys.executable, "-m", "ringback", "keys", "create", "--workspace", "studio"],
                cwd=tmp_path,
                env={**environment, **shared},
                capture_output=True,
                text=True,
                check=True,
            )
            headers = {"authorization": f"Bearer {made.stdout.strip()}", "prefer": "wait=60"}
            job = httpx2.post(
                f"{url}/generate/image/{MODEL}",
                json={"prompt": "a fox"},
                headers=headers,
                timeout=90,
            ).json()
    assert job["status"] == "completed", job
    assert s3.keys("ringback")


@pytest.mark.timeout(2 * _LIMIT_S)
def test_a_directory_is_moved_as_it_says(
    tmp_path: Path, databases: Databases, s3: S3Server, environment: dict[str, str]
) -> None:
    data = tmp_path / ".ringback"
    with Emulator(data) as emulator:
        headers = {"authorization": "Bearer dev", "prefer": "wait=20"}
        url = f"{emulator.url}/generate/image/ringback/null"
        httpx2.post(url, json={"prompt": "a fox"}, headers=headers, timeout=30).raise_for_status()
    with databases.fresh(template="template0") as dsn:
        parts, moving = blocks(PAGE, "sh")
        exports = [line for line in filled_in(parts, dsn=dsn).splitlines() if "export" in line]
        sealing = [line for line in exports if VARIABLE not in line]  # it has a key of its own
        done = subprocess.run(
            ["bash", "-e", "-c", "\n".join([*sealing, moving])],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        would, moved = done.stdout.splitlines()
        assert "would be moved" in would
        assert "proved row by row" in moved
        with psycopg.connect(dsn) as database:
            assert database.execute("select count(*) from jobs").fetchone() == (1,)
    assert s3.keys("ringback")
    assert (data / "ringback.db").exists()  # nothing is taken away
