"""Operations in this process, with its services."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import msgspec

from ringback.catalogue.catalogue import Catalogue
from ringback.client.models import Asset, JobDocument, Model
from ringback.clock import Clock
from ringback.errors import InvalidMedia, InvalidRequest, RingbackError
from ringback.files.artifacts.contract import ArtifactStore
from ringback.files.artifacts.reading import find_own
from ringback.files.assets.model import Asset as StoredAsset
from ringback.http.errors import status_of
from ringback.http.file_bodies import FileBodies
from ringback.http.multipart import read_description
from ringback.http.uploads import Uploads
from ringback.jobs.model import Job
from ringback.log import get_logger
from ringback.service import JobService
from ringback.service.intake import Intake, Options
from ringback.service.tokens import Principal

log = get_logger(__name__)

D = TypeVar("D")


class AssetDocument(Protocol):
    """Builds the API's document of an asset."""

    def __call__(self, asset: StoredAsset, *, base_url: str) -> dict[str, Any]:
        """Return the document."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolServices:
    """The services that the tools use, and builders of the API's documents."""

    service: JobService
    intake: Intake
    uploads: Uploads
    artifacts: ArtifactStore
    catalogue: Catalogue
    clock: Clock
    bodies: FileBodies
    models: Callable[[], Sequence[dict[str, Any]]]
    job: Callable[[Job], Awaitable[dict[str, Any]]]
    asset: AssetDocument


class LocalOperations:
    """``Operations`` that call the services for one principal."""

    def __init__(self, services: ToolServices, principal: Principal, *, base_url: str) -> None:
        self._services = services
        self._service = services.service
        self._principal = principal
        self._workspace_id = principal.workspace_id
        self._base_url = base_url

    async def models(self) -> Sequence[Model]:
        """Return every model."""
        return _as(list[Model], self._services.models())

    async def submit(self, model: Model, values: dict[str, Any]) -> JobDocument:
        """Submit a job, and return it."""
        self._service.check_open()
        known = self._services.catalogue.find(model.kind, model.id)
        intake = self._services.intake
        # The arguments have come through other code: as JSON they are like those of a body.
        body = msgspec.json.encode(values)
        request = await intake.request(
            known,
            intake.validate(known, self._services.bodies.document_in(body, like="{}")),
            Options(),
            principal=self._principal,
            base_url=self._base_url,
        )
        return await self._document((await self._service.submit(request)).job)

    async def job(self, job_id: str) -> JobDocument:
        """Return a job."""
        job = await self._service.get(job_id.lower(), workspace_id=self._workspace_id)
        return await self._document(job)

    async def cancel(self, job_id: str) -> JobDocument:
        """Cancel a job unless it has ended, and return it."""
        job = await self._service.cancel(job_id.lower(), workspace_id=self._workspace_id)
        return await self._document(job)

    async def changes(self, job_id: str, *, timeout_s: float) -> AsyncGenerator[JobDocument, None]:
        """Yield a job, then each change of it, until its end or the timeout."""
        deadline = self._services.clock.monotonic() + timeout_s
        job = await self._service.get(job_id.lower(), workspace_id=self._workspace_id)
        yield await self._document(job)
        while not job.status.is_terminal and not self._service.is_draining:
            left_s = deadline - self._services.clock.monotonic()
            if left_s <= 0:
                return
            changed = await self._service.wait_for_change(job, timeout_s=left_s)
            if changed != job:
                yield await self._document(changed)
            job = changed

    async def content(self, url: str, *, bytes_max: int) -> tuple[bytes, str] | None:
        """Return an artifact's bytes and media type; None for a longer one and for other URLs."""
        artifacts, base_url = self._services.artifacts, self._base_url
        try:
            artifact = await find_own(artifacts, url, base_url=base_url, bytes_max=bytes_max)
            if artifact is None:
                return None
            content = b"".join([chunk async for chunk in artifacts.read(artifact)])
        except RingbackError:
            return None
        return content, artifact.media_type

    async def upload(self, file: bytes | str, *, description: str | None) -> Asset:
        """Store a file's bytes; return the asset. Paths are refused, as they are the client's."""
        if isinstance(file, str):
            raise InvalidMedia("This server reads no paths; send the file's bytes.")
        self._service.check_open()
        asset = await self._services.uploads.add_content(
            file, description=_description(description), workspace_id=self._workspace_id
        )
        return self._asset(asset)

    async def upload_from(self, url: str, *, description: str | None) -> Asset:
        """Fetch a file; return the asset."""
        self._service.check_open()
        media = await self._services.intake.read_media(
            url, path="/url", workspace_id=self._workspace_id, base_url=self._base_url
        )
        asset = await self._services.uploads.add_media(
            media, description=_description(description), workspace_id=self._workspace_id
        )
        return self._asset(asset)

    def sentence_of(self, error: Exception) -> str:
        """Return an error in a sentence or two; the server's own faults are only logged."""
        if status_of(error) is None:
            log.error("tool_failed", exc_info=error)
            return "The server failed; its log says why."
        sentence = str(error)
        details = error.details if isinstance(error, InvalidRequest) else ()
        more = [f"{one.path}: {one.message}." for one in details if one.message not in sentence]
        return " ".join([sentence, *more])

    async def _document(self, job: Job) -> JobDocument:
        return _as(JobDocument, await self._services.job(job))

    def _asset(self, asset: StoredAsset) -> Asset:
        return _as(Asset, self._services.asset(asset, base_url=self._base_url))


def _description(text: str | None) -> str | None:
    return None if text is None else read_description(text)


def _as(kind: type[D], document: object) -> D:
    """Return a document of the API as the client's type."""
    return msgspec.json.decode(msgspec.json.encode(document), type=kind)
