"""Roles and processes from the command line: allowed and refused settings, and the probes."""

from __future__ import annotations

import signal

import pytest

from tests.cli.program import Program, status_of
from tests.postgres import Databases

ONE = "SQLite keeps the data in one directory, which one process serves alone"


@pytest.mark.parametrize(
    "arguments",
    [
        ("worker",),
        ("dispatch",),
        ("serve", "--roles", "api"),
        ("serve", "--roles", "api,worker"),
        ("serve", "--processes", "2"),
    ],
    ids=" ".join,
)
def test_on_sqlite_one_process_does_it_all(ringback: Program, arguments: tuple[str, ...]) -> None:
    refused = ringback.run(*arguments, "--port" if arguments[0] == "serve" else "--probe-port", "0")
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"ringback: {ONE}")
    assert "RINGBACK_DATABASE" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "environment", "sentence"),
    [
        (("serve", "--roles", "cook"), {}, "cook"),
        (("serve", "--port", "0"), {"RINGBACK_WORKER_ENGINES": "oven"}, "There is no engine oven"),
        (
            ("serve", "--port", "0"),
            {"RINGBACK_WORKER_MODELS": "bfl/flux-1-dev, ringback/nul"},
            "worker_models has 'ringback/nul', which is no model; did you mean ringback/null?",
        ),
        (
            ("dev", "--port", "0"),
            {"RINGBACK_WORKER_MODELS": "bfl/flux-1-dev", "RINGBACK_WORKER_ENGINES": "null"},
            "none of the engines in worker_engines serves",
        ),
        (("dev", "--port", "0"), {"RINGBACK_DATABASE": "postgresql://x/y"}, "The emulator keeps"),
        (("serve", "--database", "mysql://x"), {}, "database"),
        (
            ("serve", "--database", "postgresql://u:hunter2@127.0.0.1:9/y", "--port", "0"),
            {},
            "127.0.0.1",
        ),
    ],
)
def test_impossible_settings_are_refused_in_one_sentence(
    ringback: Program, arguments: tuple[str, ...], environment: dict[str, str], sentence: str
) -> None:
    refused = ringback.run(*arguments, **environment)
    assert refused.returncode == 1
    assert sentence in refused.stderr
    # A database that is away is waited for, which the log says in a line before.
    lines = [line for line in refused.stderr.splitlines() if "database_away" not in line]
    assert len(lines) == 1
    assert "hunter2" not in refused.stderr


def test_servers_that_share_a_database_do_not_each_make_a_master_key(
    ringback: Program, databases: Databases
) -> None:
    with databases.fresh() as dsn:
        refused = ringback.run("worker", "--data", "data", RINGBACK_DATABASE=dsn)
    assert refused.returncode == 1
    assert "RINGBACK_MASTER_KEY" in refused.stderr


def test_a_worker_alone_answers_probes_and_ends_well(
    ringback: Program, databases: Databases
) -> None:
    with databases.fresh() as dsn:
        worker = ringback.start(
            *("worker", "--probe-port", "0", "--engines", "null", "--json"),
            RINGBACK_DATABASE=dsn,
            RINGBACK_MASTER_KEY="AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        )
        ready = worker.ready()
        assert "url" not in ready
        probes = ready["probes"]
        assert status_of(f"{probes}/healthz") == status_of(f"{probes}/readyz") == 200
        assert status_of(f"{probes}/jobs") == 404
        assert worker.end(signal.SIGTERM) == 0
