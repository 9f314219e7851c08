"""A server with a bug in it, for a test that must be able to fail.

``python planted.py dev …`` runs Ringback with submissions acknowledged before their commit.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from typing import Any

from ringback.cli import main
from ringback.storage.sqlite import store
from ringback.storage.sqlite.commits import CommitThread
from ringback.storage.sqlite.writer import SqliteWriter
from ringback.storage.transactions.group_commit import Call, Results
from ringback.storage.transactions.submit import submit

_COMMIT_LATER_S = 0.05  # as a store does that syncs in the background


class LateCommits(CommitThread):
    """Commits a little later."""

    def _commit(self) -> None:
        threading.Event().wait(_COMMIT_LATER_S)
        super()._commit()


class HastyWriter(SqliteWriter):
    """Answers submissions when their rows are made."""

    def __init__(self, connection: Any, _commits: Any, *, sleep: Any) -> None:
        commits = LateCommits(connection, asyncio.get_running_loop())
        super().__init__(connection, commits, sleep=sleep)

    def _write(self, group: Sequence[Call]) -> list[Results]:
        results = super()._write(group)
        for one in results:
            if one.function is submit:
                one.settle()
        return results


if __name__ == "__main__":
    vars(store)["SqliteWriter"] = HastyWriter
    main()
