"""One request for a page, and the ways to answer it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from ringback.api.auth import token_id_of
from ringback.dashboard.forms import one
from ringback.dashboard.frame import Frame
from ringback.dashboard.sessions import Session
from ringback.dashboard.words import Words


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """Who asks for what, in which language."""

    request: Request
    frame: Frame
    words: Words
    base_url: str
    now_ms: int
    is_dev: bool
    session: Session | None = None
    form: Mapping[str, list[str]] = field(default_factory=dict)

    @property
    def workspace_id(self) -> str:
        """Return whose pages they are."""
        assert self.session is not None
        return self.session.workspace_id

    @property
    def token_id(self) -> str | None:
        """Return the id of the token that opened the session; None in the emulator's own."""
        digest = None if self.session is None else self.session.digest
        return None if digest is None else token_id_of(digest)

    @property
    def query(self) -> Mapping[str, str]:
        """Return the query's parameters that say something."""
        return {name: value for name, value in self.request.query_params.items() if value.strip()}

    def field(self, name: str) -> str:
        """Return a field of the form, empty when it did not come."""
        return one(self.form, name)

    def part(self, template: str, **values: Any) -> str:
        """Return a template filled in for this visitor."""
        session = self.session
        return self.frame.render(
            template,
            t=self.words,
            visit=self,
            here=self.request.url.path,
            form_key="" if session is None else session.form_key,
            workspace_id=None if session is None else session.workspace_id,
            is_dev=self.is_dev,
            now_ms=self.now_ms,
            **values,
        )

    def page(self, template: str, *, status: int = 200, **values: Any) -> Response:
        """Return a page."""
        done = f"done.{self.query.get('done', '')}"
        notice = self.words(done) if done in self.words else None
        html = self.part(template, notice=notice, **values)
        return HTMLResponse(html, status_code=status)

    def go(self, path: str, *, done: str | None = None) -> Response:
        """Return the way on after a form was taken; ``done`` names the sentence to show there."""
        if done is not None:
            path += ("&" if "?" in path else "?") + urlencode({"done": done})
        return RedirectResponse(path, 303)
