"""A request for a page, with the ways to answer it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from ringback.dashboard.forms import one
from ringback.dashboard.rendering import Renderer
from ringback.dashboard.sessions import Session
from ringback.dashboard.translations import Translations
from ringback.http.auth import token_id_of
from ringback.service.tokens import Principal


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRequest:
    """A browser's request with its session, its form and its language."""

    http: Request
    renderer: Renderer
    translations: Translations
    base_url: str
    now_ms: int
    is_dev: bool
    session: Session | None = None
    form: Mapping[str, list[str]] = field(default_factory=dict)

    @property
    def workspace_id(self) -> str:
        """Return the session's workspace."""
        assert self.session is not None
        return self.session.workspace_id

    @property
    def principal(self) -> Principal:
        """Return the workspace and the token of the session; the emulator's own has no token."""
        assert self.session is not None
        digest = self.session.digest
        return Principal(self.workspace_id, None if digest is None else token_id_of(digest))

    @property
    def path_params(self) -> Mapping[str, str]:
        """Return the parameters of the route's path."""
        return self.http.path_params

    @property
    def query(self) -> Mapping[str, str]:
        """Return the query's parameters that are not blank."""
        return {name: value for name, value in self.http.query_params.items() if value.strip()}

    def field(self, name: str) -> str:
        """Return a field of the form; empty for a missing field."""
        return one(self.form, name)

    def part(self, template: str, **values: Any) -> str:
        """Return a template filled in for this request."""
        session = self.session
        return self.renderer.render(
            template,
            t=self.translations,
            here=self.http.url.path,
            form_key="" if session is None else session.form_key,
            workspace_id=None if session is None else session.workspace_id,
            is_dev=self.is_dev,
            now_ms=self.now_ms,
            **values,
        )

    def page(
        self, template: str, *, status: int = 200, notice: str | None = None, **values: Any
    ) -> Response:
        """Return a page, with this notice or the one that the query's ``done`` names."""
        done = f"done.{self.query.get('done', '')}"
        if notice is None and done in self.translations:
            notice = self.translations(done)
        html = self.part(template, notice=notice, **values)
        return HTMLResponse(html, status_code=status)

    def redirect(self, path: str, *, done: str | None = None) -> Response:
        """Return a redirect to the next page; ``done`` names the notice to show there."""
        if done is not None:
            path += ("&" if "?" in path else "?") + urlencode({"done": done})
        return RedirectResponse(path, 303)
