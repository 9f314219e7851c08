"""PostgreSQL behind the ``Store`` protocol: group commit, claims that skip locks, notifications."""

from ringback.storage.postgres.store import PostgresStore

__all__ = ["PostgresStore"]
