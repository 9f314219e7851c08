"""The adapter for servers with the contract's API: the public API, or another Ringback."""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Any
from urllib.parse import quote

from ringback.catalogue.model import TRAINING
from ringback.egress.http_client import Headers, Response
from ringback.engines.upstream.config import UpstreamSettings
from ringback.engines.upstream.factory import ProviderType, Tools
from ringback.engines.upstream.input_mapping import map_strings
from ringback.engines.upstream.multipart import Upload
from ringback.engines.upstream.provider import Inputs, ProviderStatus, Submission
from ringback.engines.upstream.responses import id_in, json_of, unwrapped
from ringback.engines.upstream.results import Found, completed, files_in
from ringback.engines.upstream.statuses import Phase, phase_of, unknown
from ringback.errors import EngineError, ProviderUnavailable, SubmissionUnknown
from ringback.wire.answer_reasons import reason_in
from ringback.wire.signature import SignatureMismatch, verify

_STYLE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,199}")
_STATUSES = {
    "completed": Phase.COMPLETED,
    "failed": Phase.FAILED,
    "cancelled": Phase.CANCELLED,
    "intermediate-complete": Phase.WAITING,
}
_FRACTIONS = {"processing": 0.1, "sampling": 0.4, "intermediate-complete": 0.7}
_MEMBERS = ("job_id", "id", "status", "image_url", "url", "asset_url")
_INVALID = "an answer that is not the contract's"


class KreaSettings(UpstreamSettings, frozen=True, kw_only=True):
    """Settings of this type."""

    idempotency: bool = False
    """Whether the provider honours Idempotency-Key, as Ringback does; it is sent either way."""

    __repr__ = UpstreamSettings.__repr__


class KreaProvider:
    """Submits to the routes that this server has too, with the job's id as idempotency key."""

    def __init__(self, settings: KreaSettings, tools: Tools) -> None:
        self.is_idempotent = settings.idempotency
        self._client = tools.make_client(tools.key_headers)
        self._name = tools.name
        self._secret = tools.webhook_secret

    async def submit(self, submission: Submission, inputs: Inputs) -> str:
        """Submit the job and return its id at the provider."""
        headers: Headers = (("idempotency-key", submission.job_id),)
        if submission.webhook_url is not None:
            headers += (("x-webhook-url", submission.webhook_url),)
        body = await self._input(submission, inputs)
        path = f"/generate/{submission.kind}/{quote(submission.model)}"
        if submission.kind == TRAINING:
            path = "/styles/train"  # the body names the model
        response = await self._client.send(
            "POST", path, json=body, headers=headers, may_repeat=self.is_idempotent
        )
        try:
            job_id = id_in(self._document(response), "job_id")
        except ProviderUnavailable:
            job_id = None
        if job_id is not None:
            return job_id
        # Accepted without an id: only an idempotency key makes a retry safe.
        raise self._invalid() if self.is_idempotent else SubmissionUnknown(self._name, _INVALID)

    async def poll(self, ticket: str) -> ProviderStatus:
        """Return the job's status at the provider."""
        response = await self._client.read_job(self._job(ticket))
        document = self._document(response)
        result, word = document.get("result"), document.get("status")
        if not isinstance(word, str) or not word.strip():
            raise self._invalid()
        match phase_of(word, _STATUSES):
            case Phase.COMPLETED:
                style_id = result.get("style_id") if isinstance(result, dict) else None
                return completed(
                    _files(result), result, reason=_reason(document), style_id=_style_in(style_id)
                )
            case Phase.FAILED:
                return ProviderStatus(status="failed", error=_reason(document))
            case Phase.CANCELLED:
                return ProviderStatus(status="cancelled")
            case Phase.WAITING:
                files = _files(result).files
                return ProviderStatus(
                    fraction=_FRACTIONS.get(word), preview=files[0] if files else None
                )
            case Phase.UNKNOWN:
                return unknown(word, _reason(document))

    async def cancel(self, ticket: str) -> None:
        """Cancel the job at the provider."""
        response = await self._client.send("DELETE", self._job(ticket))
        if response.status not in (200, 202, 204, 404, 409):
            raise self._client.refusal(response)

    async def verify_webhook(
        self, headers: Mapping[str, str], body: bytes, *, now_s: float
    ) -> str | None:
        """Require a valid signature where a secret is set; otherwise the URL's proof must do."""
        if self._secret is None:
            return ""
        try:
            webhook_id = verify((self._secret,), headers=headers, body=body, now_s=now_s)
        except SignatureMismatch:
            return None
        return f"{webhook_id}.{headers['webhook-timestamp']}"

    async def close(self) -> None:
        """Do nothing: the adapter holds no resources."""

    def _job(self, ticket: str) -> str:
        return f"/jobs/{quote(ticket, safe='')}"

    def _document(self, response: Response) -> dict[str, Any]:
        if response.status not in (200, 201, 202):
            raise self._client.refusal(response)
        document = unwrapped(json_of(response), *_MEMBERS)
        if not isinstance(document, dict):
            raise self._invalid()
        return document

    def _invalid(self) -> EngineError:
        # Most likely a gateway's error page: a retry may get the real response.
        return ProviderUnavailable(self._name, _INVALID)

    async def _input(self, submission: Submission, inputs: Inputs) -> Any:
        """Return the input with our own files replaced by uploaded copies."""
        copies: dict[str, str] = {}

        async def reachable(text: str) -> str:
            if not inputs.is_own(text):
                return text
            if text not in copies:
                copies[text] = await self._uploaded(text, submission.job_id, inputs)
            return copies[text]

        return await map_strings(submission.input, reachable)

    async def _uploaded(self, url: str, job_id: str, inputs: Inputs) -> str:
        content = await inputs.read(url)
        upload = Upload(stem="input", content=content)
        # One asset for all attempts: a repeated submission must have the same body.
        key = f"{job_id}-{sha256(url.encode()).hexdigest()[:16]}"
        response = await self._client.upload(
            "/assets", [("file", upload)], headers=(("idempotency-key", key),)
        )
        document = self._document(response)
        for name in ("image_url", "url", "asset_url"):
            if isinstance(address := document.get(name), str):
                return address
        raise self._invalid()


def _style_in(value: object) -> str | None:
    return value if isinstance(value, str) and _STYLE_ID.fullmatch(value) else None


def _files(result: object) -> Found:
    """Return the files of a result: those of its ``urls``, or of the whole without such."""
    urls = result.get("urls") if isinstance(result, dict) else None
    found = files_in(urls, is_list_of_urls=True)
    return found if found.files or found.notes else files_in(result)


def _reason(document: Mapping[str, Any]) -> str:
    """Return the reason of a failure: of the result, or of the job that has it."""
    return reason_in(document.get("result")) or reason_in(document)


TYPE = ProviderType(settings=KreaSettings, make=KreaProvider)
