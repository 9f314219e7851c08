# Made of ../aio/__init__.py by tools/unasync.py: change that, and run make fmt.
"""The client that blocks, made of ``sync``."""
