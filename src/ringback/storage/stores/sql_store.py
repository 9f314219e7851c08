"""The operations of ``Store`` on any SQL database."""

from __future__ import annotations

from ringback.storage.contract import Counts
from ringback.storage.stores.activity import SqlActivity
from ringback.storage.stores.assets import SqlAssets
from ringback.storage.stores.audit import SqlAudit
from ringback.storage.stores.bulk_operations import SqlBulkOperations
from ringback.storage.stores.control import SqlControl
from ringback.storage.stores.delivery_log import SqlLog
from ringback.storage.stores.endpoints import SqlEndpoints
from ringback.storage.stores.jobs import SqlJobs
from ringback.storage.stores.node_apps import SqlApps
from ringback.storage.stores.outbox import SqlOutbox
from ringback.storage.stores.prompts import SqlPrompts
from ringback.storage.stores.pruning import SqlPruning
from ringback.storage.stores.styles import SqlStyles
from ringback.storage.stores.usage import SqlUsage
from ringback.storage.stores.workspaces import SqlWorkspaces
from ringback.storage.transactions.work import one


class SqlStore(
    SqlJobs,
    SqlPrompts,
    SqlOutbox,
    SqlLog,
    SqlEndpoints,
    SqlWorkspaces,
    SqlApps,
    SqlAssets,
    SqlStyles,
    SqlBulkOperations,
    SqlAudit,
    SqlPruning,
    SqlControl,
    SqlUsage,
    SqlActivity,
):
    """All operations that a store gets from its statements and its way to run them."""

    async def counts(self) -> Counts:
        """Return how many jobs and deliveries there are, by status."""

        async def counted(name: str) -> dict[str, int]:
            return dict(await self._snapshot(lambda: one(name, {}), is_long=True))

        return Counts(
            jobs=await counted("jobs.count_jobs"),
            deliveries=await counted("deliveries.count_deliveries"),
        )
