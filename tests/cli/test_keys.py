from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import apsw
import pytest

from tests.cli.program import Program


@pytest.fixture
def made(ringback: Program) -> dict[str, Any]:
    """A token of the workspace studio."""
    done = ringback.run("keys", "create", "--workspace", "studio", "--json")
    made: dict[str, Any] = json.loads(done.stdout)
    return made


def test_the_token_alone_goes_to_standard_output(ringback: Program) -> None:
    done = ringback.run("keys", "create", "--workspace", "studio")
    assert done.returncode == 0
    (token,) = done.stdout.splitlines()
    assert token.startswith("rb_")
    assert token not in done.stderr
    assert "whsec_" in done.stderr


def test_only_the_tokens_hash_is_kept(
    ringback: Program, made: dict[str, Any], tmp_path: Path
) -> None:
    kept = b"".join(path.read_bytes() for path in (tmp_path / ".ringback").iterdir())
    assert made["token"].encode() not in kept
    assert hashlib.sha256(made["token"].encode()).hexdigest().encode() in kept


def test_two_tokens_of_a_workspace_share_its_secret(
    ringback: Program, made: dict[str, Any]
) -> None:
    again = json.loads(ringback.run("keys", "create", "--workspace", "studio", "--json").stdout)
    assert again["secret"] == made["secret"]
    assert again["token"] != made["token"]


def test_the_list_shows_beginnings_and_no_token(ringback: Program, made: dict[str, Any]) -> None:
    (listed,) = json.loads(ringback.run("keys", "list", "--json").stdout)
    assert listed["token_id"] == made["token_id"]
    assert listed["hint"] == made["token"][:7]
    assert listed["revoked_at"] is None
    shown = ringback.run("keys", "list").stdout
    assert made["token_id"] in shown
    assert made["token"] not in shown


def test_a_token_is_revoked_once(ringback: Program, made: dict[str, Any]) -> None:
    assert ringback.run("keys", "revoke", made["token_id"]).returncode == 0
    assert "revoked 20" in ringback.run("keys", "list").stdout
    again = ringback.run("keys", "revoke", made["token_id"])
    assert again.returncode == 4
    assert "keys list" in again.stderr


def test_the_secret_is_shown_and_rotated(ringback: Program, made: dict[str, Any]) -> None:
    secret = ("keys", "secret", "--workspace", "studio")
    assert ringback.run(*secret).stdout.strip() == made["secret"]
    rotated = ringback.run(*secret, "--rotate").stdout.strip()
    assert rotated.startswith("whsec_")
    assert rotated != made["secret"]
    assert ringback.run(*secret).stdout.strip() == rotated


def test_a_rotation_that_would_end_a_secret_before_its_time_is_refused(
    ringback: Program, made: dict[str, Any]
) -> None:
    secret = ("keys", "secret", "--workspace", "studio")
    assert [ringback.run(*secret, "--rotate").returncode for _ in range(3)] == [0, 0, 0]
    newest = ringback.run(*secret).stdout
    refused = ringback.run(*secret, "--rotate")
    assert refused.returncode == 1
    assert "4 secrets sign for studio" in refused.stderr
    assert ringback.run(*secret).stdout == newest


def test_the_secret_of_an_unknown_workspace_says_how_to_make_it(
    ringback: Program, made: dict[str, Any]
) -> None:
    done = ringback.run("keys", "secret", "--workspace", "nobody")
    assert done.returncode == 4
    assert "keys create --workspace nobody" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("deliveries", "show", "nope"),
        ("deliveries", "explain", "nope"),
        ("keys", "revoke", "nope"),
        ("keys", "budget", "--workspace", "nobody", "--set", "5"),
        ("keys", "secret", "--workspace", "nobody"),
    ],
)
def test_what_is_not_there_has_one_exit_status(
    ringback: Program, made: dict[str, Any], arguments: tuple[str, ...]
) -> None:
    done = ringback.run(*arguments)
    assert (done.returncode, len(done.stderr.splitlines())) == (4, 1), done.stderr


def test_a_directory_without_data_is_refused_and_stays_as_it_was(
    ringback: Program, tmp_path: Path
) -> None:
    assert ringback.run("keys", "list", "--data", "slip").returncode == 1
    assert not (tmp_path / "slip").exists()


def test_a_directory_of_something_else_is_refused_and_stays_as_it_was(
    ringback: Program, tmp_path: Path
) -> None:
    foreign = tmp_path / "photos"
    foreign.mkdir()
    (foreign / "aunt.png").touch()
    for arguments in (("list",), ("revoke", "0123"), ("secret", "--workspace", "studio")):
        done = ringback.run("keys", *arguments, "--data", "photos")
        assert done.returncode == 1
        assert "no Ringback database in photos" in done.stderr
    assert [path.name for path in foreign.iterdir()] == ["aunt.png"]


def test_a_busy_database_is_an_error_for_writes_and_can_still_be_read(
    ringback: Program, made: dict[str, Any], tmp_path: Path
) -> None:
    other = apsw.Connection(str(tmp_path / ".ringback" / "ringback.db"))
    other.execute("begin immediate")
    done = ringback.run("keys", "revoke", made["token_id"])
    assert done.returncode == 1
    assert done.stderr.startswith("ringback: ")
    assert "busy" in done.stderr
    assert "Traceback" not in done.stderr
    assert ringback.run("keys", "list").returncode == 0
    other.execute("rollback")
    other.close()
    assert ringback.run("keys", "revoke", made["token_id"]).returncode == 0


@pytest.mark.parametrize(
    "command", [("keys", "create", "--workspace", "two"), ("dev", "--port", "0", "--json")]
)
def test_without_its_master_key_a_database_gets_no_new_secret_and_no_new_key(
    ringback: Program, command: tuple[str, ...]
) -> None:
    server = {"RINGBACK_MASTER_KEY": base64.b64encode(bytes(32)).decode()}
    create = ("keys", "create", "--workspace")
    assert ringback.run(*create, "one", **server).returncode == 0
    refused = ringback.run(*command)
    assert refused.returncode == 1
    assert "RINGBACK_MASTER_KEY" in refused.stderr
    assert not (ringback.directory / ".ringback" / "master.key").exists()
    other = base64.b64encode(bytes([1] * 32)).decode()
    assert ringback.run(*create, "two", RINGBACK_MASTER_KEY=other).returncode == 1
    assert ringback.run(*create, "two", **server).returncode == 0


def test_budgets_are_set_shown_and_removed(ringback: Program, made: dict[str, Any]) -> None:
    budget = ("keys", "budget", "--workspace", "studio")
    assert "spending has no limit" in ringback.run(*budget).stderr
    assert ringback.run(*budget, "--set", "500").returncode == 0
    own = ringback.run(*budget, "--token", made["token_id"], "--set", "7.5", "--per", "total")
    assert own.returncode == 0, own.stderr
    shown = json.loads(ringback.run(*budget, "--json").stdout)
    assert [(one["token_id"], one["compute_units"], one["period"]) for one in shown] == [
        (None, 500.0, "month"),
        (made["token_id"], 7.5, "total"),
    ]
    removed = ringback.run(*budget, "--remove")
    assert removed.stdout == f"token {made['token_id']}  0 of 7.5 units spent  total\n"
    assert ringback.run(*budget, "--remove").returncode == 4


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (("--workspace", "nobody", "--set", "1"), "There is no workspace nobody"),
        (("--workspace", "studio", "--token", "x", "--set", "1"), "studio has no token x"),
        (("--workspace", "studio", "--set", "nan"), "must be a number"),
        (("--workspace", "studio", "--remove"), "There is no budget of the whole workspace"),
        (("--workspace", "studio", "--set", "-1"), "--set"),
        (("--workspace", "studio", "--set", "1", "--remove"), "exclude each other"),
    ],
)
def test_a_wrong_budget_is_refused_in_words(
    ringback: Program, made: dict[str, Any], more: tuple[str, ...], says: str
) -> None:
    refused = ringback.run("keys", "budget", *more)
    assert refused.returncode != 0
    assert says in refused.stderr


def test_a_token_is_made_with_its_budget(ringback: Program) -> None:
    arguments = ("keys", "create", "--workspace", "studio", "--budget", "20", "--json")
    token = json.loads(ringback.run(*arguments).stdout)
    (budget,) = json.loads(ringback.run("keys", "budget", "--workspace", "studio", "--json").stdout)
    assert (budget["token_id"], budget["compute_units"]) == (token["token_id"], 20.0)
