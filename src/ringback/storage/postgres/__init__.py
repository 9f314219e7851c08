"""PostgreSQL behind the ``Store`` protocol: group commit, claims that skip locks, telegrams."""

from ringback.storage.postgres.store import PostgresStore

__all__ = ["PostgresStore"]
