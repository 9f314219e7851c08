"""The Replicate adapter: it creates, polls and cancels predictions, and verifies webhooks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ringback.egress.http_client import Response
from ringback.engines.upstream.factory import ProviderType, Tools
from ringback.engines.upstream.input_mapping import NamedSettings, map_strings
from ringback.engines.upstream.multipart import Upload
from ringback.engines.upstream.provider import Inputs, ProviderStatus, Submission
from ringback.engines.upstream.replicate.prediction import (
    EVENTS,
    endpoint_of,
    id_of,
    path_of,
    status_of,
)
from ringback.engines.upstream.replicate.signing_secret import SigningSecret
from ringback.engines.upstream.responses import json_of, unnamed_model
from ringback.errors import ProviderUnavailable, SubmissionUnknown
from ringback.wire.signature import SignatureMismatch, verify

BASE_URL = "https://api.replicate.com"
_INLINE_LENGTH_MAX = 256 * 1024  # the data URLs that Replicate recommends
_TOO_LATE = frozenset({404, 409})  # a cancellation after the end


class ReplicateProvider:
    """Creates predictions; without idempotency keys, a submission is never repeated blindly."""

    is_idempotent = False

    def __init__(self, settings: NamedSettings, tools: Tools) -> None:
        self._client = tools.make_client(tools.key_headers)
        self._name = tools.name
        self._settings = settings
        self._secret = SigningSecret(tools.webhook_secret, client=self._client, clock=tools.clock)

    async def submit(self, submission: Submission, inputs: Inputs) -> str:
        """Create a prediction and return its id."""
        endpoint = endpoint_of(submission.model)
        if endpoint is None:
            raise unnamed_model(self._name, "Replicate")
        path, version = endpoint
        body = {**version, "input": await self._input(submission, inputs)}
        # Replicate calls only https URLs, and refuses a prediction with any other.
        if submission.webhook_url is not None and submission.webhook_url.startswith("https://"):
            body |= {"webhook": submission.webhook_url, "webhook_events_filter": list(EVENTS)}
        response = await self._client.send("POST", path, json=body, may_repeat=False)
        if response.status not in (200, 201, 202):
            raise self._client.refusal(response)
        prediction_id = id_of(json_of(response))
        if prediction_id is None:
            raise SubmissionUnknown(self._name, "an answer without the prediction's id")
        return prediction_id

    async def poll(self, ticket: str) -> ProviderStatus:
        """Return the status of a prediction."""
        response = await self._client.read_job(path_of(ticket))
        status = status_of(self._document(response))
        if status is None:
            raise ProviderUnavailable(self._name, "an answer that is no prediction")
        return status

    async def cancel(self, ticket: str) -> None:
        """Cancel a prediction."""
        response = await self._client.send("POST", f"{path_of(ticket)}/cancel")
        if not response.is_success and response.status not in _TOO_LATE:
            raise self._client.refusal(response)

    async def verify_webhook(
        self, headers: Mapping[str, str], body: bytes, *, now_s: float
    ) -> str | None:
        """Accept a recent webhook that is signed with the account's secret."""
        for secret in await self._secret.candidates():
            try:
                webhook_id = verify((secret,), headers=headers, body=body, now_s=now_s)
            except SignatureMismatch:
                continue
            return f"{webhook_id}.{headers['webhook-timestamp']}"
        return None

    async def close(self) -> None:
        """Do nothing: the adapter holds no resources."""

    async def _input(self, submission: Submission, inputs: Inputs) -> Any:
        async def reachable(text: str) -> str:
            is_long = text.startswith("data:") and len(text) > _INLINE_LENGTH_MAX
            return await self._uploaded(text, inputs) if is_long or inputs.is_own(text) else text

        return await map_strings(self._settings.mapped(submission), reachable)

    async def _uploaded(self, url: str, inputs: Inputs) -> str:
        content = await inputs.read(url)
        upload = Upload(stem="input", content=content)
        response = await self._client.upload("/v1/files", [("content", upload)])
        urls = self._document(response).get("urls")
        address = urls.get("get") if isinstance(urls, dict) else None
        if not isinstance(address, str):
            raise ProviderUnavailable(self._name, "an answer without the file's URL")
        return address

    def _document(self, response: Response) -> dict[str, Any]:
        if not response.is_success:
            raise self._client.refusal(response)
        document = json_of(response)
        if not isinstance(document, dict):
            raise ProviderUnavailable(self._name, "an answer that is not Replicate's")
        return document


TYPE = ProviderType(settings=NamedSettings, make=ReplicateProvider, base_url=BASE_URL)
