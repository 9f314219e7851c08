"""An asset: an uploaded file, checked and stored without its metadata."""

from __future__ import annotations

from msgspec import Struct


class Asset(Struct, frozen=True, kw_only=True):
    """One uploaded file; ``artifact`` is the name of its bytes in the artifact store."""

    asset_id: str
    workspace_id: str
    artifact: str
    media_type: str
    size_bytes: int
    created_at_ms: int
    width: int | None = None
    height: int | None = None
    duration_s: float | None = None
    frames: int | None = None
    filename: str | None = None
    description: str | None = None
    idempotency_key: str | None = None
    fingerprint: str = ""  # of the request with that key
