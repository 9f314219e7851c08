"""Pages of endpoints: the webhook URLs that a workspace keeps, and their secrets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from starlette.types import ASGIApp

from ringback.api.documents.endpoint_requests import (
    ENDPOINT_CHANGE,
    NEW_ENDPOINT,
    endpoint_changes,
    since_is_required,
)
from ringback.catalogue.catalogue import Catalogue
from ringback.dashboard.inbox import Inbox
from ringback.dashboard.page_request import PageRequest
from ringback.egress.policy import TargetPolicy, check_target
from ringback.errors import EndpointConflict, EndpointNotFound, FieldError, InvalidRequest
from ringback.service.endpoints import EndpointChanges, EndpointService
from ringback.service.secrets import SigningKeyService
from ringback.signing.rotation import endpoint_owner
from ringback.webhooks.endpoints import Endpoint
from ringback.webhooks.events import JOB_EVENTS, TERMINAL_EVENTS

_ID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
_NEW: Mapping[str, Any] = {
    "url": "",
    "description": "",
    "events": TERMINAL_EVENTS,
    "models": (),
    "schedule_s": None,
}


class EndpointViews:
    """The pages of endpoints."""

    def __init__(
        self,
        endpoints: EndpointService,
        keys: SigningKeyService,
        policy: TargetPolicy,
        catalogue: Catalogue,
        inbox: Inbox | None,
    ) -> None:
        self._endpoints = endpoints
        self._keys = keys
        self._policy = policy
        self._models = catalogue.ids
        self._inbox = inbox

    async def listed(self, request: PageRequest) -> ASGIApp:
        """Show every endpoint, and the form for a new one."""
        return await self._list(request, _NEW)

    async def create(self, request: PageRequest) -> ASGIApp:
        """Create an endpoint, and show its secret once."""
        body = _body(request)
        try:
            changes = self._changes(body, is_new=True)
            endpoint, secret = await self._endpoints.create(request.workspace_id, changes)
        except (InvalidRequest, EndpointConflict) as exc:
            return await self._list(request, {**_NEW, **body}, error=exc)
        return await self._show(request, endpoint, secret=secret)

    async def one(self, request: PageRequest) -> ASGIApp:
        """Show one endpoint."""
        return await self._show(request, await self._endpoint(request))

    async def change(self, request: PageRequest) -> ASGIApp:
        """Change an endpoint as its form says."""
        endpoint = await self._endpoint(request)
        body = _body(request)
        try:
            changes = self._changes(body, is_new=False)
        except InvalidRequest as exc:
            return await self._show(request, endpoint, form=body, error=exc)
        await self._endpoints.change(
            endpoint.endpoint_id, changes, workspace_id=request.workspace_id
        )
        return self._changed(request, endpoint, "changed")

    async def act(self, request: PageRequest) -> ASGIApp:
        """Perform the action of one of the endpoint's buttons."""
        endpoint = await self._endpoint(request)
        endpoint_id, workspace_id = endpoint.endpoint_id, request.workspace_id
        owner = endpoint_owner(endpoint_id)
        match request.path_params["action"]:
            case "test":
                delivery_id = await self._endpoints.send_test(
                    endpoint_id, workspace_id=workspace_id
                )
                return request.redirect(f"/ui/deliveries/{delivery_id}", done="tested")
            case "recover":
                bulk_operation = await self._endpoints.recover(
                    endpoint_id, workspace_id=workspace_id
                )
                if bulk_operation is None:
                    raise since_is_required()
                return request.redirect(f"/ui/bulk-operations/{bulk_operation.bulk_operation_id}")
            case "rotate":
                rotated = await self._endpoints.rotate_endpoint_secret(
                    endpoint_id, workspace_id=workspace_id
                )
                return await self._show(request, endpoint, secret=rotated.secret)
            case "add-key":
                await self._endpoints.add_public_key(owner)
                return self._changed(request, endpoint, "changed")
            case "drop-keys":
                await self._endpoints.drop_public_keys(owner)
                return self._changed(request, endpoint, "changed")
            case "disable" | "enable" as action:
                changes = EndpointChanges(disabled=action == "disable")
                await self._endpoints.change(endpoint_id, changes, workspace_id=workspace_id)
                return self._changed(request, endpoint, f"{action}d")
            case "delete":
                await self._endpoints.delete(endpoint_id, workspace_id=workspace_id)
                return request.redirect("/ui/endpoints", done="deleted")
            case _:
                raise EndpointNotFound

    async def _list(
        self, request: PageRequest, form: Mapping[str, Any], *, error: Exception | None = None
    ) -> ASGIApp:
        return request.page(
            "endpoints.html",
            status=400 if error else 200,
            endpoints=await self._endpoints.list_endpoints(request.workspace_id),
            form=form,
            error=error,
            faults=_faults(error),
            events=[event.value for event in JOB_EVENTS],
            inbox_url=self._inbox and self._inbox.url_of(request.workspace_id),
        )

    async def _show(
        self,
        request: PageRequest,
        endpoint: Endpoint,
        *,
        secret: str | None = None,
        form: Mapping[str, Any] | None = None,
        error: Exception | None = None,
    ) -> ASGIApp:
        known = {name: getattr(endpoint, name) for name in _NEW}
        return request.page(
            "endpoint.html",
            status=400 if error else 200,
            endpoint=endpoint,
            secret=secret,
            form={**known, **(form or {})},
            error=error,
            faults=_faults(error),
            events=[event.value for event in JOB_EVENTS],
            keys=[key for key, _ in await self._keys.opened(endpoint_owner(endpoint.endpoint_id))],
        )

    def _changes(self, body: Mapping[str, Any], *, is_new: bool) -> EndpointChanges:
        kind = NEW_ENDPOINT if is_new else ENDPOINT_CHANGE
        return endpoint_changes(
            kind.convert(body),
            models=self._models,
            check_url=lambda url: check_target(self._policy, url, path="/url"),
        )

    def _changed(self, request: PageRequest, endpoint: Endpoint, done: str) -> ASGIApp:
        return request.redirect(f"/ui/endpoints/{endpoint.endpoint_id}", done=done)

    async def _endpoint(self, request: PageRequest) -> Endpoint:
        endpoint_id: str = request.path_params["endpoint_id"].lower()
        if not _ID.fullmatch(endpoint_id):
            raise EndpointNotFound
        return await self._endpoints.get(endpoint_id, workspace_id=request.workspace_id)


def _body(request: PageRequest) -> dict[str, Any]:
    """Return the form as the body of an API request."""
    body: dict[str, Any] = {
        "url": request.field("url"),
        "description": request.field("description"),
        "events": list(request.form.get("events", [])),
        "models": request.field("models").split(),
        "schedule_s": _numbers(request.field("schedule_s")),
    }
    if headers := request.field("headers"):
        pairs = [header.partition(":") for header in headers.split("\n") if header.strip()]
        body["headers"] = {name.strip(): value.strip() for name, _, value in pairs}
    return body


def _numbers(text: str) -> list[float] | None:
    words = text.replace(",", " ").split()
    try:
        return [float(word) for word in words] or None
    except ValueError as exc:
        message = "must be waits in seconds, like 0, 5, 300"
        raise InvalidRequest(
            f"schedule_s {message}.", [FieldError("/schedule_s", message)]
        ) from exc


def _faults(error: Exception | None) -> dict[str, str]:
    details = error.details if isinstance(error, InvalidRequest) else ()
    return {fault.path.lstrip("/").partition("/")[0]: fault.message for fault in details}
