"""The Django gallery: its pictures are hung by webhooks, bad ones among them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import httpx2
import pytest

import ringback
from ringback.testing.emulator import Emulator
from ringback.testing.lab import Lab
from tests.e2e.harness import free_port

PROGRAM = Path(__file__).parents[2] / "examples" / "django_gallery" / "gallery.py"


@pytest.mark.timeout(60)
def test_pictures_are_hung_when_their_webhooks_come(
    tmp_path: Path, ringback_server: Emulator, ringback_lab: Lab
) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    environment = {
        **os.environ,  # the fixture's variables lead to its server
        "PYTHONPATH": str(Path(ringback.__file__).parents[1]),
        "GALLERY_URL": url,
        "GALLERY_MODEL": "ringback/null",
        "GALLERY_DIR": str(tmp_path),
    }
    with (tmp_path / "log").open("wb") as log:
        gallery = subprocess.Popen(
            [sys.executable, str(PROGRAM), "runserver", "--noreload", str(port)],
            env=environment,
            stdout=log,
            stderr=log,
        )
    try:
        pictures = _until(lambda: _listed(url), lambda found: found is not None)
        assert pictures == []
        assert httpx2.post(f"{url}/pictures").status_code == 400
        ringback_lab.next_jobs("deliver=twice", "job=fail; reorder=2", "signature=bad")
        for title in ("a fox", "a harbour", "a lake"):
            assert httpx2.post(f"{url}/pictures", data={"title": title}).status_code == 201
        ringback_lab.advance("1h")
        fox, harbour, lake = _until(
            lambda: _listed(url),
            lambda found: bool(found) and all(one["url"] or one["error"] for one in found or ()),
        )
        assert (fox["error"], lake["error"]) == (None, None)
        assert fox["url"].startswith("http")
        assert harbour["url"] is None
        assert harbour["error"]
        assert httpx2.post(f"{url}/webhook", content=b"{}").status_code == 400
    finally:
        gallery.send_signal(signal.SIGINT)
        gallery.wait(20)


def _listed(url: str) -> list[dict[str, Any]] | None:
    try:
        answer = httpx2.get(f"{url}/pictures", timeout=10)
    except httpx2.TransportError:
        return None
    found: list[dict[str, Any]] = answer.json()["pictures"]
    return found


def _until(poll: Any, is_it: Any) -> Any:
    pause = threading.Event()
    found = None
    for _ in range(400):
        found = poll()
        if is_it(found):
            return found
        pause.wait(0.05)
    raise AssertionError(f"it did not come to be so: {found}")
