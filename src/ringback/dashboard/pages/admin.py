"""Pages of the set-up: tokens and secrets, models, the lab, and the settings in force."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from starlette.types import ASGIApp

from ringback.api.routes.lab import Lab, ResetWorkspace
from ringback.catalogue.catalogue import Catalogue, Model
from ringback.dashboard.page_request import PageRequest
from ringback.errors import InvalidRequest, RouteNotFound
from ringback.jobs.durations import about, parse_duration
from ringback.service.endpoints import EndpointService
from ringback.service.intake import FaultChooser
from ringback.service.secrets import SigningKeyService
from ringback.service.tokens import TokenService
from ringback.settings import Settings, meanings
from ringback.signing.rotation import workspace_owner

_SECRET = ("operator_webhook_secret",)


class AdminViews:
    """The pages of tokens, secrets, models, lab and settings."""

    def __init__(
        self,
        *,
        tokens: TokenService,
        keys: SigningKeyService,
        endpoints: EndpointService,
        catalogue: Catalogue,
        settings: Settings,
        origins: Mapping[str, str],
        lab: Lab | None,
        faults: FaultChooser | None,
        reset: ResetWorkspace,
    ) -> None:
        self._tokens = tokens
        self._keys = keys
        self._endpoints = endpoints
        self._settings = settings
        self._origins = origins
        self._lab = lab
        self._faults = faults
        self._reset = reset
        self._models: dict[str, list[Model]] = {}
        for model in sorted(catalogue, key=lambda one: (one.provider, one.title)):
            self._models.setdefault(model.provider, []).append(model)

    async def keys(self, request: PageRequest) -> ASGIApp:
        """Show the workspace's tokens and its signing keys."""
        return await self._show_keys(request)

    async def revoke(self, request: PageRequest) -> ASGIApp:
        """Revoke a token."""
        token_id = request.path_params["token_id"]
        await self._tokens.revoke(token_id, workspace_id=self._managed_workspace(request))
        return request.redirect("/ui/keys", done="revoked")

    async def create_token(self, request: PageRequest) -> ASGIApp:
        """Create a token, for the operator alone, and show it once."""
        if not self._may_create_tokens(request):
            raise RouteNotFound("There is no such page.")
        try:
            _, text = await self._tokens.create(request.field("workspace"))
        except InvalidRequest as exc:
            return await self._show_keys(request, error=exc)
        return await self._show_keys(request, token=text)

    async def rotate(self, request: PageRequest) -> ASGIApp:
        """Rotate the workspace's secret, and show the new one once."""
        rotated = await self._endpoints.rotate_workspace_secret(request.workspace_id)
        return await self._show_keys(request, secret=rotated.secret)

    async def change_public_keys(self, request: PageRequest) -> ASGIApp:
        """Add an Ed25519 key to the workspace, or remove its Ed25519 keys."""
        owner = workspace_owner(request.workspace_id)
        if request.field("action") == "drop":
            await self._endpoints.drop_public_keys(owner)
        else:
            await self._endpoints.add_public_key(owner)
        return request.redirect("/ui/keys", done="changed")

    async def models(self, request: PageRequest) -> ASGIApp:
        """Show every model."""
        return request.page("models.html", providers=self._models)

    async def lab(self, request: PageRequest) -> ASGIApp:
        """Show the emulator's clock and its faults."""
        return self._show_lab(request, self._lab_or_404())

    async def advance(self, request: PageRequest) -> ASGIApp:
        """Advance the emulator's clock."""
        lab = self._lab_or_404()
        advanced = await lab.advance(parse_duration(request.field("advance")) / 1000)
        return self._show_lab(request, lab, attempts=advanced.attempts_count)

    async def reset(self, request: PageRequest) -> ASGIApp:
        """Empty the workspace of the session."""
        self._lab_or_404()
        await self._reset(request.workspace_id)
        return request.redirect("/ui/lab", done="reset")

    def _show_lab(self, request: PageRequest, lab: Lab, *, attempts: int | None = None) -> ASGIApp:
        return request.page(
            "lab.html",
            lab_now_ms=lab.now_ms(),
            ahead=about(lab.ahead_ms()) if lab.ahead_ms() else None,
            script=self._settings.lab if isinstance(self._settings.lab, str) else None,
            is_table=isinstance(self._settings.lab, dict),
            answers=[] if self._faults is None else self._faults.prepared(),
            attempts=attempts,
        )

    async def settings(self, request: PageRequest) -> ASGIApp:
        """Show the settings in force and their origins, to the operator alone."""
        if not self.shows_settings_to(request.workspace_id):
            raise RouteNotFound("There is no such page.")
        rows = [
            (
                name,
                _shown(name, getattr(self._settings, name)),
                self._origins.get(name, "default"),
                meaning,
            )
            for name, meaning in meanings().items()
        ]
        return request.page("settings.html", rows=rows)

    def shows_settings_to(self, workspace_id: str) -> bool:
        """Say whether a workspace is the operator's own; in dev each is the developer's."""
        return self._settings.is_dev or workspace_id == self._settings.operator_workspace

    def _may_create_tokens(self, request: PageRequest) -> bool:
        # In dev every word is a token, so there is none to create.
        return not request.is_dev and self.shows_settings_to(request.workspace_id)

    def _managed_workspace(self, request: PageRequest) -> str | None:
        """Return the workspace that limits a session's tokens; None: the operator manages all."""
        return None if self._may_create_tokens(request) else request.workspace_id

    def _lab_or_404(self) -> Lab:
        if self._lab is None:
            raise RouteNotFound("There is no such page.")
        return self._lab

    async def _show_keys(
        self,
        request: PageRequest,
        *,
        secret: str | None = None,
        token: str | None = None,
        error: InvalidRequest | None = None,
    ) -> ASGIApp:
        opened = await self._keys.opened(workspace_owner(request.workspace_id))
        dev_secret = None
        if request.is_dev:
            (dev_secret, *_) = await self._keys.secrets_of(workspace_owner(request.workspace_id))
        return request.page(
            "keys.html",
            status=400 if error else 200,
            tokens=await self._tokens.list_tokens(self._managed_workspace(request)),
            may_create_tokens=self._may_create_tokens(request),
            token=token,
            workspace=request.field("workspace") or request.workspace_id,
            error=error,
            keys=[key for key, _ in opened],
            secret=secret,
            dev_secret=dev_secret,
        )


def _shown(name: str, value: Any) -> str:
    """Return a setting's value without its secrets."""
    if value is None or value == ():
        return ""
    if name in _SECRET:
        return "•••"
    if isinstance(value, bool):
        return str(value).lower()  # as settings are written
    if isinstance(value, dict):
        # A nested table is shown by its name alone, because it may hold secrets.
        return ", ".join(
            key if isinstance(item, dict) else f"{key} = {_shown(name, item)}"
            for key, item in value.items()
        )
    if isinstance(value, tuple):
        return ", ".join(
            str(one.get("provider", "")) if isinstance(one, dict) else str(one) for one in value
        )
    text = str(value)
    try:
        parts = urlsplit(text) if "://" in text else None
    except ValueError:  # a bracket that is not closed: the password cannot be located
        return "•••"
    if parts is not None and "@" in parts.netloc:
        host = parts.netloc.rpartition("@")[2]
        return parts._replace(netloc=f"•••@{host}").geturl()
    return text
