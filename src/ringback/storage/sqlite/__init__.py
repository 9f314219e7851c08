"""SQLite behind the ``Store`` protocol: one writer with group commit, readers beside it."""

from ringback.storage.sql.owing import Mint
from ringback.storage.sqlite.store import SqliteStore

__all__ = ["Mint", "SqliteStore"]
