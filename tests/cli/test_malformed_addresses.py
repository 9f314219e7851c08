"""Every command that reads the settings ends a malformed address with one sentence."""

from __future__ import annotations

import os

import pytest

from ringback.cli.program import run

COMMANDS = [
    ("dev", "--port", "0"),
    ("serve", "--port", "0"),
    ("worker",),
    ("dispatch",),
    ("doctor",),
    ("ledger",),
    ("migrate",),
    ("models", "check"),
    ("admin", "stats"),
    ("admin", "drain", "worker"),
    ("admin", "undrain", "worker"),
    ("admin", "vacuum"),
    ("keys", "create", "--workspace", "studio"),
    ("keys", "list"),
    ("keys", "revoke", "t1"),
    ("keys", "secret", "--workspace", "studio"),
    ("keys", "budget", "--workspace", "studio"),
    ("deliveries", "list"),
    ("deliveries", "explain", "11111111-1111-7111-8111-111111111111"),
]
MALFORMED = {
    "RINGBACK_DATABASE": [
        "postgresql://u:hunter2@[::1/x",
        "postgresql://u:hunter2@h:99999/x",
        "postgresql://u:hunter2@h x/x",
        "postgresql://u:hunter2%zz@h/x",
        "postgresql://u:hunter/2@h/x",
        "postgresql://u:hunter2@h\xf6/x",
        "mysql://u:hunter2@h/x",
    ],
    "RINGBACK_DATABASE_DIRECT": ["postgresql://u:hunter2@[::1/x"],
    "RINGBACK_ARTIFACTS_URL": ["s3://[x", "s3://k:hunter2@b", "s3://b\xf6"],
    "RINGBACK_ARTIFACTS_ENDPOINT": ["http://[::1", "http://k:hunter2@h", "http://h:99999"],
    "RINGBACK_PUBLIC_URL": ["http://[::1", "https://h:99999", "https://h \xf6", "https://"],
    "RINGBACK_EGRESS_PROXY": ["http://u:hunter2@[zz]:1", "http://u:hunter2@h", "http://h:99999"],
    "RINGBACK_OPERATOR_WEBHOOK_URL": ["http://[::1", "https://u:hunter2@h"],
    "RINGBACK_ALLOWED_HOSTS": ["http://h", "[::1"],
}


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_a_malformed_address_ends_the_command_with_a_sentence(
    arguments: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: object,
) -> None:
    monkeypatch.chdir(str(tmp_path))
    for name in list(os.environ):
        if name.startswith("RINGBACK_"):
            monkeypatch.delenv(name)
    for name, values in MALFORMED.items():
        for value in values:
            with monkeypatch.context() as patch:
                patch.setenv(name, value)
                status = run(arguments)
            error = capsys.readouterr().err.strip()
            assert (status, error[:10]) == (1, "ringback: "), (value, error)
            assert "fault of Ringback" not in error, (value, error)
            assert "\n" not in error, (value, error)
            assert "hunter" not in error
            assert name.removeprefix("RINGBACK_").lower() in error.lower(), (value, error)
    assert os.listdir(str(tmp_path)) == []


@pytest.mark.parametrize("option", ["list", "jobs"])
def test_a_malformed_url_of_a_server_is_a_sentence_too(
    option: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("jobs", "list") if option == "jobs" else ("models", "list")
    for url in ("http://[::1", "http://h:99999", "http://h x", "http://", "http://h\xf6:port"):
        monkeypatch.setenv("RINGBACK_BASE_URL", url)
        assert run(arguments) in (1, 2)
        error = capsys.readouterr().err
        assert "is no server's URL" in error
