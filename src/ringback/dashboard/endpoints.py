"""Endpoints: the webhook URLs that a workspace keeps, and their secrets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from starlette.types import ASGIApp

from ringback.api.endpoint_bodies import read_wish, since_is_required
from ringback.api.targets import judge_target
from ringback.catalogue.catalogue import Catalogue
from ringback.dashboard.visit import Visit
from ringback.egress.policy import TargetPolicy
from ringback.errors import EndpointConflict, EndpointNotFound, FieldError, InvalidRequest
from ringback.inbox import Inbox
from ringback.service.endpoints import EndpointDesk, EndpointWish
from ringback.service.secrets import KeyDesk
from ringback.webhooks.endpoints import Endpoint
from ringback.webhooks.events import JOB_EVENTS, TERMINAL_EVENTS
from ringback.webhooks.rotation import endpoint_owner

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
        desk: EndpointDesk,
        keys: KeyDesk,
        policy: TargetPolicy,
        catalogue: Catalogue,
        inbox: Inbox | None,
    ) -> None:
        self._desk = desk
        self._keys = keys
        self._policy = policy
        self._models = catalogue.ids
        self._inbox = inbox

    async def listed(self, visit: Visit) -> ASGIApp:
        """Show every endpoint, and the form of a new one."""
        return await self._list(visit, _NEW)

    async def create(self, visit: Visit) -> ASGIApp:
        """Keep a new endpoint, and show its secret, this once."""
        body = _body(visit)
        try:
            wish = self._wish(body, is_new=True)
            endpoint, secret = await self._desk.create(visit.workspace_id, wish)
        except (InvalidRequest, EndpointConflict) as exc:
            return await self._list(visit, {**_NEW, **body}, error=exc)
        return await self._show(visit, endpoint, secret=secret)

    async def one(self, visit: Visit) -> ASGIApp:
        """Show one endpoint."""
        return await self._show(visit, await self._endpoint(visit))

    async def change(self, visit: Visit) -> ASGIApp:
        """Make an endpoint what its form says."""
        endpoint = await self._endpoint(visit)
        body = _body(visit)
        try:
            wish = self._wish(body, is_new=False)
        except InvalidRequest as exc:
            return await self._show(visit, endpoint, form=body, error=exc)
        await self._desk.change(endpoint.endpoint_id, wish, workspace_id=visit.workspace_id)
        return self._back(visit, endpoint, "changed")

    async def act(self, visit: Visit) -> ASGIApp:
        """Do one of the things that its buttons say."""
        endpoint = await self._endpoint(visit)
        endpoint_id, workspace_id = endpoint.endpoint_id, visit.workspace_id
        owner = endpoint_owner(endpoint_id)
        match visit.request.path_params["verb"]:
            case "test":
                delivery_id = await self._desk.send_test(endpoint_id, workspace_id=workspace_id)
                return visit.go(f"/ui/deliveries/{delivery_id}", done="tested")
            case "recover":
                chore = await self._desk.recover(endpoint_id, workspace_id=workspace_id)
                if chore is None:
                    raise since_is_required()
                return visit.go(f"/ui/chores/{chore.chore_id}")
            case "rotate":
                rotated = await self._desk.rotate_endpoint_secret(
                    endpoint_id, workspace_id=workspace_id
                )
                return await self._show(visit, endpoint, secret=rotated.secret)
            case "add-key":
                await self._desk.add_public_key(owner)
                return self._back(visit, endpoint, "changed")
            case "drop-keys":
                await self._desk.drop_public_keys(owner)
                return self._back(visit, endpoint, "changed")
            case "disable" | "enable" as verb:
                wish = EndpointWish(disabled=verb == "disable")
                await self._desk.change(endpoint_id, wish, workspace_id=workspace_id)
                return self._back(visit, endpoint, f"{verb}d")
            case "delete":
                await self._desk.delete(endpoint_id, workspace_id=workspace_id)
                return visit.go("/ui/endpoints", done="deleted")
            case _:
                raise EndpointNotFound

    async def _list(
        self, visit: Visit, form: Mapping[str, Any], *, error: Exception | None = None
    ) -> ASGIApp:
        return visit.page(
            "endpoints.html",
            status=400 if error else 200,
            endpoints=await self._desk.list_endpoints(visit.workspace_id),
            form=form,
            error=error,
            faults=_faults(error),
            events=[event.value for event in JOB_EVENTS],
            inbox_url=self._inbox and self._inbox.url_of(visit.workspace_id),
        )

    async def _show(
        self,
        visit: Visit,
        endpoint: Endpoint,
        *,
        secret: str | None = None,
        form: Mapping[str, Any] | None = None,
        error: Exception | None = None,
    ) -> ASGIApp:
        known = {name: getattr(endpoint, name) for name in _NEW}
        return visit.page(
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

    def _wish(self, body: Mapping[str, Any], *, is_new: bool) -> EndpointWish:
        return read_wish(
            body,
            is_new=is_new,
            models=self._models,
            judge_url=lambda url: judge_target(self._policy, url, path="/url"),
        )

    def _back(self, visit: Visit, endpoint: Endpoint, done: str) -> ASGIApp:
        return visit.go(f"/ui/endpoints/{endpoint.endpoint_id}", done=done)

    async def _endpoint(self, visit: Visit) -> Endpoint:
        endpoint_id: str = visit.request.path_params["endpoint_id"].lower()
        if not _ID.fullmatch(endpoint_id):
            raise EndpointNotFound
        return await self._desk.get(endpoint_id, workspace_id=visit.workspace_id)


def _body(visit: Visit) -> dict[str, Any]:
    """Return what a form says, as a program would send it."""
    body: dict[str, Any] = {
        "url": visit.field("url"),
        "description": visit.field("description"),
        "events": list(visit.form.get("events", [])),
        "models": visit.field("models").split(),
        "schedule_s": _numbers(visit.field("schedule_s")),
    }
    if lines := visit.field("headers"):
        pairs = [line.partition(":") for line in lines.split("\n") if line.strip()]
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
