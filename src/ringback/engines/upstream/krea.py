"""Any server that speaks the contract: the public API, or another Ringback."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any
from urllib.parse import quote

from ringback.catalogue.model import TRAINING
from ringback.egress.caller import Headers, Reply
from ringback.engines.upstream.assembling import ProviderType, Tools
from ringback.engines.upstream.config import UpstreamSettings
from ringback.engines.upstream.forms import Upload, multipart
from ringback.engines.upstream.provider import File, Inputs, Look, Order
from ringback.engines.upstream.said import OPERATORS, document_of, refusal, words_of
from ringback.errors import AnswerLost, EngineError, ProviderAway
from ringback.wire.signature import SignatureMismatch, verify

_STYLE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,199}")
_FRACTIONS = {"processing": 0.1, "sampling": 0.4, "intermediate-complete": 0.7}
_UPLOAD_S = 300.0
_NONSENSE = "an answer that is not the contract's"


class KreaSettings(UpstreamSettings, frozen=True, kw_only=True):
    """What this type adds."""

    idempotency: bool = False
    """Whether the provider keeps to Idempotency-Key, as a Ringback does; it is sent either way."""

    __repr__ = UpstreamSettings.__repr__


class KreaProvider:
    """Submits by the same routes that this server has, with the job's id as idempotency key."""

    def __init__(self, settings: KreaSettings, tools: Tools) -> None:
        self.is_idempotent = settings.idempotency
        self._line = tools.line((("authorization", f"Bearer {tools.api_key}"),))
        self._name = tools.name
        self._secret = tools.webhook_secret

    async def submit(self, order: Order, inputs: Inputs) -> str:
        """Submit the job and return its id there."""
        headers: Headers = (("idempotency-key", order.job_id),)
        if order.hook_url is not None:
            headers += (("x-webhook-url", order.hook_url),)
        copies = await self._uploaded_all(order, inputs)
        body = _with_copies(dict(order.input), copies)
        path = f"/generate/{order.kind}/{quote(order.model)}"
        if order.kind == TRAINING:
            path = "/styles/train"  # where the body says for which model
        reply = await self._line.ask(
            "POST", path, json=body, headers=headers, may_repeat=self.is_idempotent
        )
        try:
            job_id = self._document(reply).get("job_id")
        except ProviderAway:
            job_id = None
        if isinstance(job_id, str) and job_id:
            return job_id
        # It says that the job was taken, and not which: only with the key may it be asked again.
        raise self._nonsense() if self.is_idempotent else AnswerLost(self._name, _NONSENSE)

    async def look(self, ticket: str) -> Look:
        """Return how the job stands there."""
        reply = await self._line.ask("GET", self._job(ticket))
        if reply.status in OPERATORS:
            # The operator can mend it, and what was bought is worth waiting for.
            raise ProviderAway(self._name, f"status {reply.status}")
        if reply.status in (404, 410):
            raise EngineError(f"The provider of {self._name} no longer has this job.")
        document = self._document(reply)
        result = document.get("result")
        result = result if isinstance(result, dict) else {}
        files = _files(result.get("urls"))
        match document.get("status"):
            case "completed":
                return Look(
                    status="completed", files=files, style_id=_style_in(result.get("style_id"))
                )
            case "failed":
                return Look(status="failed", error=words_of(result))
            case "cancelled":
                return Look(status="cancelled")
            case str(status):
                return Look(fraction=_FRACTIONS.get(status), preview=files[0] if files else None)
            case _:
                raise self._nonsense()

    async def cancel(self, ticket: str) -> None:
        """Cancel the job there."""
        reply = await self._line.ask("DELETE", self._job(ticket))
        if reply.status not in (200, 202, 204, 404, 409):
            raise refusal(self._name, reply, self._line.secrets)

    async def judge_hook(self, headers: Mapping[str, str], body: bytes, *, now_s: float) -> bool:
        """Believe a signed webhook where a secret is set; else the address alone must do."""
        if self._secret is None:
            return True
        try:
            verify((self._secret,), headers=headers, body=body, now_s=now_s)
        except SignatureMismatch:
            return False
        return True

    async def close(self) -> None:
        """Nothing is held."""

    def _job(self, ticket: str) -> str:
        return f"/jobs/{quote(ticket, safe='')}"

    def _document(self, reply: Reply) -> dict[str, Any]:
        if reply.status not in (200, 201, 202):
            raise refusal(self._name, reply, self._line.secrets)
        document = document_of(reply)
        if not isinstance(document, dict):
            raise self._nonsense()
        return document

    def _nonsense(self) -> EngineError:
        # A gateway's page in place of the answer, most likely: the next one may be the answer.
        return ProviderAway(self._name, _NONSENSE)

    async def _uploaded_all(self, order: Order, inputs: Inputs) -> dict[str, str]:
        """Return the provider's URLs for its copies of our own files, by ours."""
        found: dict[str, str] = {}
        for value in _strings_of(dict(order.input)):
            if inputs.is_own(value) and value not in found:
                found[value] = await self._uploaded(value, order.job_id, inputs)
        return found

    async def _uploaded(self, url: str, job_id: str, inputs: Inputs) -> str:
        content = await inputs.read(url)
        content_type, body = multipart([("file", Upload(stem="input", content=content))])
        # One asset however often it is asked for: a repeated submission must name the same one.
        key = f"{job_id}-{sha256(url.encode()).hexdigest()[:16]}"
        headers: Headers = (("content-type", content_type), ("idempotency-key", key))
        reply = await self._line.ask(
            "POST", "/assets", body=body, headers=headers, timeout_s=_UPLOAD_S
        )
        document = self._document(reply)
        for name in ("image_url", "url", "asset_url"):
            if isinstance(address := document.get(name), str):
                return address
        raise self._nonsense()


def _strings_of(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list | tuple):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _strings_of(item)


def _with_copies(value: Any, copies: Mapping[str, str]) -> Any:
    """Return an input that names copies in place of our own files."""
    if isinstance(value, str):
        return copies.get(value, value)
    if isinstance(value, dict):
        return {name: _with_copies(item, copies) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_with_copies(item, copies) for item in value]
    return value


def _style_in(value: object) -> str | None:
    return value if isinstance(value, str) and _STYLE_ID.fullmatch(value) else None


def _files(urls: object) -> tuple[File, ...]:
    if not isinstance(urls, list):
        return ()
    return tuple(File(url=url) for url in urls if isinstance(url, str))


TYPE = ProviderType(settings=KreaSettings, make=KreaProvider)
