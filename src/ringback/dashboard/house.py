"""What is set up: tokens and secrets, models, the lab, and the settings in force."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from starlette.types import ASGIApp

from ringback.api.lab import Lab
from ringback.catalogue.catalogue import Catalogue, Model
from ringback.dashboard.visit import Visit
from ringback.errors import InvalidRequest, RouteNotFound
from ringback.lab.durations import about, parse_duration
from ringback.service.endpoints import EndpointDesk
from ringback.service.secrets import KeyDesk
from ringback.service.tokens import TokenDesk
from ringback.settings import Settings, meanings
from ringback.webhooks.rotation import workspace_owner

_SECRET = ("operator_webhook_secret",)


class HouseViews:
    """The pages of what is set up."""

    def __init__(
        self,
        *,
        tokens: TokenDesk,
        keys: KeyDesk,
        endpoints: EndpointDesk,
        catalogue: Catalogue,
        settings: Settings,
        origins: Mapping[str, str],
        lab: Lab | None,
    ) -> None:
        self._tokens = tokens
        self._keys = keys
        self._endpoints = endpoints
        self._settings = settings
        self._origins = origins
        self._lab = lab
        self._models: dict[str, list[Model]] = {}
        for model in sorted(catalogue, key=lambda one: (one.provider, one.title)):
            self._models.setdefault(model.provider, []).append(model)

    async def keys(self, visit: Visit) -> ASGIApp:
        """Show the workspace's tokens and its signing keys."""
        return await self._show_keys(visit)

    async def revoke(self, visit: Visit) -> ASGIApp:
        """Make a token open nothing."""
        token_id = visit.request.path_params["token_id"]
        await self._tokens.revoke(token_id, workspace_id=self._whose(visit))
        return visit.go("/ui/keys", done="revoked")

    async def make_token(self, visit: Visit) -> ASGIApp:
        """Make a token, for whoever runs the server, and show it, this once."""
        if not self._makes_tokens(visit):
            raise RouteNotFound("There is no such page.")
        try:
            _, text = await self._tokens.create(visit.field("workspace"))
        except InvalidRequest as exc:
            return await self._show_keys(visit, error=exc)
        return await self._show_keys(visit, token=text)

    async def rotate(self, visit: Visit) -> ASGIApp:
        """Give the workspace a new secret, and show it, this once."""
        rotated = await self._endpoints.rotate_workspace_secret(visit.workspace_id)
        return await self._show_keys(visit, secret=rotated.secret)

    async def switch_public(self, visit: Visit) -> ASGIApp:
        """Sign with Ed25519 too, or no more."""
        owner = workspace_owner(visit.workspace_id)
        if visit.field("verb") == "drop":
            await self._endpoints.drop_public_keys(owner)
        else:
            await self._endpoints.add_public_key(owner)
        return visit.go("/ui/keys", done="changed")

    async def models(self, visit: Visit) -> ASGIApp:
        """Show every model."""
        return visit.page("models.html", providers=self._models)

    async def lab(self, visit: Visit) -> ASGIApp:
        """Show the emulator's clock and what it can make go wrong."""
        lab = self._known_lab()
        return visit.page(
            "lab.html",
            lab_now_ms=lab.now_ms(),
            ahead=about(lab.ahead_ms()) if lab.ahead_ms() else None,
            script=self._settings.lab,
        )

    async def advance(self, visit: Visit) -> ASGIApp:
        """Move the emulator's time on."""
        lab = self._known_lab()
        advanced = await lab.advance(parse_duration(visit.field("advance")) / 1000)
        return visit.page(
            "lab.html",
            lab_now_ms=lab.now_ms(),
            ahead=about(lab.ahead_ms()) if lab.ahead_ms() else None,
            script=self._settings.lab,
            attempts=advanced.attempts_count,
        )

    async def settings(self, visit: Visit) -> ASGIApp:
        """Show what is in force and where it came from, to whoever runs the server."""
        if not self.shows_settings_to(visit.workspace_id):
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
        return visit.page("settings.html", rows=rows)

    def shows_settings_to(self, workspace_id: str) -> bool:
        """Say whether a workspace is the operator's own; in dev each is the developer's."""
        return self._settings.is_dev or workspace_id == self._settings.operator_workspace

    def _makes_tokens(self, visit: Visit) -> bool:
        # In dev every word is a token.
        return not visit.is_dev and self.shows_settings_to(visit.workspace_id)

    def _whose(self, visit: Visit) -> str | None:
        """Return whose tokens a visitor looks after: the operator all."""
        return None if self._makes_tokens(visit) else visit.workspace_id

    def _known_lab(self) -> Lab:
        if self._lab is None:
            raise RouteNotFound("There is no such page.")
        return self._lab

    async def _show_keys(
        self,
        visit: Visit,
        *,
        secret: str | None = None,
        token: str | None = None,
        error: InvalidRequest | None = None,
    ) -> ASGIApp:
        opened = await self._keys.opened(workspace_owner(visit.workspace_id))
        dev_secret = None
        if visit.is_dev:
            (dev_secret, *_) = await self._keys.secrets_of(workspace_owner(visit.workspace_id))
        return visit.page(
            "keys.html",
            status=400 if error else 200,
            tokens=await self._tokens.list_tokens(self._whose(visit)),
            makes_tokens=self._makes_tokens(visit),
            token=token,
            wanted=visit.field("workspace") or visit.workspace_id,
            error=error,
            keys=[key for key, _ in opened],
            secret=secret,
            dev_secret=dev_secret,
        )


def _shown(name: str, value: Any) -> str:
    """Return a setting's value, with nothing secret in it."""
    if value is None or value == ():
        return ""
    if name in _SECRET:
        return "•••"
    if isinstance(value, dict):
        # Of a table, its name alone: some of what it holds is secret.
        return ", ".join(
            one if isinstance(two, dict) else f"{one} = {two}" for one, two in value.items()
        )
    if isinstance(value, tuple):
        return ", ".join(
            str(one.get("provider", "")) if isinstance(one, dict) else str(one) for one in value
        )
    text = str(value)
    parts = urlsplit(text) if "://" in text else None
    if parts is not None and "@" in parts.netloc:
        host = parts.netloc.rpartition("@")[2]
        return parts._replace(netloc=f"•••@{host}").geturl()
    return text
