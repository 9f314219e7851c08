# Generated from ../aio/__init__.py by tools/unasync.py: change that, and run make fmt.
"""The synchronous client, generated from ``sync``."""
