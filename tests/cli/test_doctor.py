from __future__ import annotations

import json
import signal
import socket
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.cli.program import Program
from tests.files.artifacts.artifact_stores import KEYS, REGION, s3_server
from tests.postgres import Databases


def findings(ringback: Program, *arguments: str, **environment: str) -> dict[str, Any]:
    done = ringback.run("doctor", "--json", *arguments, **environment)
    found = {finding["name"]: finding for finding in json.loads(done.stdout)}
    assert done.returncode == (0 if all(one["ok"] for one in found.values()) else 1)
    return found


def test_a_machine_that_is_well_has_nothing_to_do(ringback: Program, tmp_path: Path) -> None:
    done = ringback.run("doctor", "--port", "0")
    assert done.returncode == 0, done.stdout
    assert all(line.startswith("ok ") for line in done.stdout.splitlines())
    assert list(tmp_path.iterdir()) == []  # it looks and leaves nothing


@pytest.mark.parametrize("content", [None, "", "no certificate"])
def test_a_file_of_authorities_that_has_none_is_told_by_doctor_and_by_a_start(
    ringback: Program, tmp_path: Path, content: str | None
) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content, "utf-8")
    found = findings(ringback, "--port", "0", SSL_CERT_FILE=str(file))
    assert not found["trust"]["ok"]
    started = ringback.run("dev", "--port", "0", SSL_CERT_FILE=str(file))
    assert started.returncode == 1
    assert started.stderr == f"ringback: {found['trust']['found']}\n"


def test_a_port_held_by_a_stranger_is_to_be_fixed(ringback: Program) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        found = findings(ringback, "--port", str(taken.getsockname()[1]))
    assert not found["port"]["ok"]
    assert "--port" in found["port"]["todo"]


def test_beside_a_running_server_all_is_well(ringback: Program) -> None:
    server = ringback.start("dev", "--port", "0", "--json")
    ready = server.ready()
    port = ready["url"].rpartition(":")[2]
    found = findings(ringback, "--port", port)
    assert found["port"]["ok"]
    assert "answered by Ringback" in found["port"]["found"]
    assert f"process {ready['pid']}" in found["lock"]["found"]
    assert "is whole" in found["database"]["found"]
    assert server.end(signal.SIGTERM) == 0
    assert "no server" in findings(ringback, "--port", "0")["lock"]["found"]


def test_a_broken_database_is_to_be_fixed(ringback: Program, tmp_path: Path) -> None:
    (tmp_path / "ringback.db").write_bytes(b"this is no database" * 1000)
    found = findings(ringback, "--data", str(tmp_path), "--port", "0")
    assert not found["database"]["ok"]
    assert "backup" in found["database"]["todo"]


def test_too_little_room_is_to_be_fixed(ringback: Program) -> None:
    found = findings(ringback, "--port", "0", RINGBACK_DISK_RESERVE_BYTES=str(1 << 62))
    assert not found["disk"]["ok"]
    assert "507" in found["disk"]["todo"]


def test_a_data_path_that_is_a_file_is_to_be_fixed(ringback: Program, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    found = findings(ringback, "--port", "0", RINGBACK_DATA="file")
    assert not found["data"]["ok"]


def test_the_doctor_checks_postgresql_without_changing_it(
    ringback: Program, databases: Databases
) -> None:
    with databases.fresh(template="template0") as dsn:
        found = findings(ringback, "--port", "0", RINGBACK_DATABASE=dsn)
        with psycopg.connect(dsn) as database:
            tables = database.execute("select * from pg_tables where schemaname = 'public'")
            assert tables.fetchall() == []
    assert found["database"]["ok"]
    assert "no schema yet; its clock is" in found["database"]["found"]
    assert "every process must share" in found["artifacts"]["found"]
    assert "lock" not in found


def test_a_schema_of_a_later_version_is_to_be_fixed(
    ringback: Program, databases: Databases
) -> None:
    with databases.fresh() as dsn:
        with psycopg.connect(dsn) as database:
            database.execute("update schema_version set version = 99, oldest = 98")
        found = findings(ringback, "--port", "0", RINGBACK_DATABASE=dsn)
    assert "later Ringback" in found["database"]["todo"]


def test_a_database_that_is_away_and_a_bucket_that_is_not_there_are_to_be_fixed(
    ringback: Program,
) -> None:
    with s3_server() as s3:
        found = findings(
            ringback,
            *("--port", "0"),
            RINGBACK_DATABASE="postgresql://me:hush@127.0.0.1:1/jobs",
            RINGBACK_ARTIFACTS_URL="s3://nowhere",
            RINGBACK_ARTIFACTS_ENDPOINT=s3.endpoint,
            RINGBACK_ARTIFACTS_REGION=REGION,
            **KEYS,
        )
    assert "cannot be reached" in found["database"]["found"]
    assert "hush" not in found["database"]["found"]
    assert "there is no such bucket" in found["artifacts"]["found"]
    assert found["artifacts"]["todo"]


def test_a_bucket_is_tried_and_left_as_it_is(ringback: Program) -> None:
    with s3_server() as s3:
        bucket = s3.bucket("shop")
        found = findings(
            ringback,
            *("--port", "0"),
            RINGBACK_ARTIFACTS_URL=bucket.display_name,
            RINGBACK_ARTIFACTS_ENDPOINT=s3.endpoint,
            RINGBACK_ARTIFACTS_REGION=REGION,
            **KEYS,
        )
        assert s3.keys("shop") == []
    assert found["artifacts"]["ok"]
    assert "written, read and deleted" in found["artifacts"]["found"]


def test_models_that_no_server_would_serve_are_to_be_fixed(
    ringback: Program, tmp_path: Path
) -> None:
    config = tmp_path / "ringback.toml"
    comfy = '[engines.comfy]\ntype = "comfyui"\nbase_url = "http://127.0.0.1:9"\n'
    for route, todo in (
        ("ksamp/*", "The setting engines names the model 'ksamp/*'"),
        ("bfl/flux-1-dev", "The engine comfy has no workflow for bfl/flux-1-dev"),
    ):
        config.write_text(f'[engines]\n"{route}" = "comfy"\n{comfy}')
        found = findings(ringback, "--port", "0", "--config", str(config))["models"]
        assert found["todo"].startswith(todo)
        checked = ringback.run("models", "check", "--config", str(config))
        assert checked.returncode == 1
        assert todo in checked.stderr


def test_the_doctor_checks_upstream_engines(ringback: Program, tmp_path: Path) -> None:
    config = tmp_path / "ringback.toml"
    table = '[engines.studio]\ntype = "krea"\napi_key = "k-0123456789"\nbase_url = '

    def found(base_url: str, settings: str = "") -> dict[str, Any]:
        config.write_text(f'{settings}{table}"{base_url}"\n')
        engine: dict[str, Any] = findings(ringback, "--port", "0", "--config", str(config))[
            "engine"
        ]
        assert "k-0123456789" not in json.dumps(engine)
        return engine

    server = ringback.start("dev", "--port", "0", "--json")
    url = server.ready()["url"]
    assert found(url) == {
        "ok": True,
        "name": "engine",
        "found": f"studio (krea) at {url} answers",
        "todo": None,
    }
    # The server reaches providers through the proxy alone.
    behind = found(url, 'egress_proxy = "http://127.0.0.1:9"\n')
    assert "does not answer" in behind["found"]
    assert server.end(signal.SIGTERM) == 0
    assert "does not answer, connect" in found(url)["found"]
    assert "base_url is wrong" in found("nowhere")["todo"]
