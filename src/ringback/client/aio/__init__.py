"""The asynchronous client; ``tools/unasync.py`` generates ``sync`` from it."""
