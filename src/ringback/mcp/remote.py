"""Operations on a remote server, with the client library."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Any

from ringback.client.aio.client import AsyncRingback
from ringback.client.errors import ApiError, ClientError, ConnectionFailed, RateLimitError
from ringback.client.models import Asset, JobDocument, Model


class RemoteOperations:
    """``Operations`` that send requests with a client."""

    def __init__(self, client: AsyncRingback) -> None:
        self._client = client

    async def models(self) -> Sequence[Model]:
        """Return every model."""
        return await self._client.models.list()

    async def submit(self, model: Model, values: dict[str, Any]) -> JobDocument:
        """Submit a job, and return it."""
        submit = {
            "image": self._client.image,
            "video": self._client.video,
            "enhance": self._client.enhance,
            "audio": self._client.audio,
        }[model.kind]
        return await submit(model.id, values)

    async def job(self, job_id: str) -> JobDocument:
        """Return a job."""
        return await self._client.jobs.get(job_id)

    def changes(self, job_id: str, *, timeout_s: float) -> AsyncGenerator[JobDocument, None]:
        """Yield a job, then each change of it, until its end or the timeout."""
        return self._client.jobs.events(job_id, timeout=timeout_s)

    async def content(self, url: str, *, bytes_max: int) -> tuple[bytes, str] | None:
        """Return a result's bytes and media type; None for a longer or unreadable one."""
        try:
            return await self._client.jobs.content(url, bytes_max=bytes_max)
        except ClientError:
            return None

    async def upload(self, file: bytes | str, *, description: str | None) -> Asset:
        """Upload a file's bytes, or the file at a path on this machine; return the asset."""
        return await self._client.assets.upload(file, description=description)

    async def upload_from(self, url: str, *, description: str | None) -> Asset:
        """Have the server fetch a file; return the asset."""
        return await self._client.assets.upload_from(url, description=description)

    def sentence_of(self, error: Exception) -> str:
        """Return a client's error in a sentence or two."""
        if isinstance(error, ConnectionFailed):
            return f"{error} Is the server running?"
        if isinstance(error, ApiError):
            more = [
                f"{one.path}: {one.message}."
                for one in error.details
                if one.message not in error.message
            ]
            if isinstance(error, RateLimitError) and error.retry_after is not None:
                more.append(f"Try again in {error.retry_after:g} s.")
            return " ".join([error.message, *more])
        if isinstance(error, ClientError):
            return str(error)
        raise error
