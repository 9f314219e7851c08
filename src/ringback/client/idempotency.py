"""Idempotency keys, by which a server recognises a repeated request."""

from __future__ import annotations

import secrets


def new_key() -> str:
    """Return a new random key."""
    return secrets.token_urlsafe(24)
