"""Keys by which a server knows a request that it has had before."""

from __future__ import annotations

import secrets


def new_key() -> str:
    """Return a key that nobody else makes."""
    return secrets.token_urlsafe(24)
