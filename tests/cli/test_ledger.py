from __future__ import annotations

import json

import apsw
import pytest

from tests.cli.program import Program


def test_the_books_of_a_new_directory_balance_and_broken_ones_end_with_status_1(
    ringback: Program,
) -> None:
    assert ringback.run("keys", "create", "--workspace", "studio").returncode == 0
    done = ringback.run("ledger")
    assert done.returncode == 0
    assert "0 accepted = 0 pending + 0 ended + 0 pruned" in done.stdout
    assert done.stdout.endswith("The books balance.\n")
    database = apsw.Connection(str(ringback.directory / ".ringback" / "ringback.db"))
    database.execute("update workspaces set owed_count = 7 where workspace_id = 'studio'")
    database.close()
    done = ringback.run("ledger")
    assert done.returncode == 1
    assert "WRONG  owed: studio: the counter says 7, and there are 0" in done.stdout
    done = ringback.run("ledger", "--json", "--workspace", "studio")
    assert done.returncode == 1
    books = json.loads(done.stdout)
    assert (books["balances"], books["faults"][0]["rule"]) == (False, "owed")


@pytest.mark.parametrize("command", [("ledger",), ("deliveries", "list"), ("dev", "--port", "0")])
def test_a_damaged_database_is_reported_as_damaged(
    ringback: Program, command: tuple[str, ...]
) -> None:
    assert ringback.run("keys", "create", "--workspace", "dev").returncode == 0
    path = ringback.directory / ".ringback" / "ringback.db"
    database = apsw.Connection(str(path))
    size = database.pragma("page_size")
    tables = "select rootpage from sqlite_master where name in ('deliveries', 'secrets')"
    pages = [page for (page,) in database.execute(tables)]
    database.close()
    with path.open("r+b") as file:
        for page in pages:
            file.seek((page - 1) * size)
            file.write(b"\xff" * size)
    done = ringback.run(*command)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "ringback: The database is damaged (database disk image is malformed); "
        "ringback doctor suggests a remedy."
    )
    assert "Traceback" not in done.stderr
