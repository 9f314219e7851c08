"""SQLite behind the ``Store`` protocol: one writer with group commit, readers beside it."""

from ringback.storage.sqlite.store import SqliteStore
from ringback.storage.transactions.outbox_writes import IdFactory

__all__ = ["IdFactory", "SqliteStore"]
