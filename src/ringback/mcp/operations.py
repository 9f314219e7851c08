"""The port of the operations that the tools use, on a remote server or in this process."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Any, Protocol

from ringback.client.models import Asset, JobDocument, Model


class Operations(Protocol):
    """Operations for one token, which return the API's documents."""

    async def models(self) -> Sequence[Model]:
        """Return every model."""

    async def submit(self, model: Model, values: dict[str, Any]) -> JobDocument:
        """Submit a job, and return it."""

    async def job(self, job_id: str) -> JobDocument:
        """Return a job."""

    async def cancel(self, job_id: str) -> JobDocument:
        """Cancel a job unless it has ended, and return it."""

    def changes(self, job_id: str, *, timeout_s: float) -> AsyncGenerator[JobDocument, None]:
        """Yield a job, then each change of it, until its end or the timeout."""

    async def content(self, url: str, *, bytes_max: int) -> tuple[bytes, str] | None:
        """Return a result's bytes and media type; None for a longer or unreadable one."""

    async def upload(self, file: bytes | str, *, description: str | None) -> Asset:
        """Upload a file's bytes, or the file at a path on this machine; return the asset."""

    async def upload_from(self, url: str, *, description: str | None) -> Asset:
        """Have the server fetch a file; return the asset."""

    def sentence_of(self, error: Exception) -> str:
        """Return an operation's error in a sentence or two; any other error is raised again."""
