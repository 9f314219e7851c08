"""Empties a workspace while jobs run and webhooks are under way."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from ringback.errors import ArtifactsUnavailable
from ringback.files.artifacts.contract import ArtifactStore
from ringback.files.artifacts.names import is_shared
from ringback.log import get_logger
from ringback.storage.contract import EmptiedWorkspace, Store
from ringback.wakeups import Wakeups

log = get_logger(__name__)


class WorkspaceReset:
    """Deletes the rows of a workspace, stops its running jobs and deletes its files.

    ``forget`` drops what other parts of the process keep of a workspace in memory.
    """

    def __init__(
        self,
        store: Store,
        *,
        artifacts: ArtifactStore,
        wakeups: Wakeups,
        forget: Callable[[str], None],
    ) -> None:
        self._store = store
        self._artifacts = artifacts
        self._wakeups = wakeups
        self._forget = forget

    async def reset(self, workspace_id: str) -> EmptiedWorkspace:
        """Empty a workspace; it keeps its secret, its tokens and its budgets.

        The rows go first: a file without a row takes some room, a row without its file would be
        broken for those who read it meanwhile.
        """
        emptied = await self._store.empty_workspace(workspace_id)
        self._forget(workspace_id)
        for job_id in emptied.pending_job_ids:
            self._wakeups.ended.notify(job_id)
        self._wakeups.events.notify(workspace_id)
        for name in emptied.files:
            # Many jobs share some files, and a result may link to an asset of another workspace.
            if not is_shared(name) and await self._store.asset_of_file(name) is None:
                with suppress(OSError, ArtifactsUnavailable):
                    await self._artifacts.delete(name)
        log.info("workspace_reset", workspace_id=workspace_id, jobs_count=emptied.jobs_count)
        return emptied
