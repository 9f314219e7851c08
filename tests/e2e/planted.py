"""A server with a bug in it, for a test that must be able to fail.

``python planted.py dev …`` runs Ringback with submissions acknowledged before their commit.
"""

from __future__ import annotations

import threading
from typing import Any

from ringback.cli import main
from ringback.storage.sql import job_verbs
from ringback.storage.sqlite import store
from ringback.storage.sqlite.commits import CommitThread
from ringback.storage.sqlite.writer import Answers, Waiting, Writer, settle

_COMMIT_LATER_S = 0.05  # as a store does that syncs in the background


class LateCommits(CommitThread):
    """Commits a little later."""

    def _commit(self) -> None:
        threading.Event().wait(_COMMIT_LATER_S)
        super()._commit()


class HastyWriter(Writer):
    """Answers submissions when their rows are made."""

    def __init__(self, connection: Any, loop: Any, _commits: Any) -> None:
        super().__init__(connection, loop, LateCommits(connection, loop))

    def _write(self, group: list[Waiting]) -> Answers:
        answers = super()._write(group)
        submissions = {asking for verb, _, asking in group if verb is job_verbs.submit}
        settle([answer for answer in answers if answer[0] in submissions])
        return answers


if __name__ == "__main__":
    vars(store)["Writer"] = HastyWriter
    main()
