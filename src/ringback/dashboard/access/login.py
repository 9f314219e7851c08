"""Authentication of page requests: sessions, the login form, and checks of submitted forms.

The emulator begins a session without a token.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ringback.dashboard.forms import (
    KEY,
    KEY_HEADER,
    check_key,
    check_source,
    one,
    read_file_form,
    read_form,
)
from ringback.dashboard.page_request import PageRequest
from ringback.dashboard.rendering import Renderer
from ringback.dashboard.services import DashboardServices
from ringback.dashboard.sessions import SESSION_S, Session, Sessions, cookie_name, is_private
from ringback.dashboard.translations import catalogues, chosen
from ringback.errors import FormRefused, NotAuthenticated, RingbackError
from ringback.http.errors import answer_to
from ringback.http.headers import headers_of
from ringback.http.hosts import base_url_of
from ringback.http.methods import RequestHandler

View = Callable[[PageRequest], Awaitable[ASGIApp]]

DEV_WORKSPACE = "dev"
HOME = "/ui/"
_OWN_PATH = re.compile(r"/ui/[A-Za-z0-9/_.~?&=%+-]{0,1000}")
_TOKEN = re.compile(rb"[\x21-\x7e]{1,500}")
_LOGIN_BYTES_MAX = 8_192


class Login:
    """Authenticates requests, and renders exceptions as error pages."""

    def __init__(self, services: DashboardServices, renderer: Renderer) -> None:
        api = services.api
        self._api = api
        self._renderer = renderer
        self._languages = catalogues()
        self._authenticator = services.parts.authenticator
        self._bodies = services.parts.bodies
        self._sessions = Sessions(services.seals, services.ended, api.clock)

    def public(self, view: View) -> RequestHandler:
        """Return the route of a page that needs no session."""

        async def route(request: Request) -> ASGIApp:
            return await view(self._page_request(request))

        return route

    def authenticated(self, view: View) -> RequestHandler:
        """Return the route of a page that needs a session."""

        async def route(request: Request) -> ASGIApp:
            page_request = self._page_request(request)
            session = await self._session(request, page_request.base_url)
            if session is None and not self._api.settings.is_dev:
                return self._to_login(request)
            fresh = session or self._sessions.begin(DEV_WORKSPACE, None)
            answer = await view(replace(page_request, session=fresh))
            self._set_cookie(answer, session, fresh, page_request)
            return answer

        return route

    def form(self, view: View) -> RequestHandler:
        """Return the route of a submitted form, which must carry its session's key."""

        async def route(request: Request) -> ASGIApp:
            page_request = self._page_request(request)
            check_source(request, page_request.base_url)
            session = await self._session(request, page_request.base_url)
            if session is None:
                form = await read_form(request, self._api.settings.body_bytes_max)
            else:
                form = await read_file_form(
                    request, self._bodies, workspace_id=session.workspace_id
                )
            session = _required(session)
            check_key(form, session.form_key)
            return await view(replace(page_request, session=session, form=form))

        return route

    def upload(self, view: View) -> RequestHandler:
        """Return the route of a file that our script uploads; the key comes in a header.

        Pages of other sites cannot send such a header. Errors are answered as the API answers them.
        """

        async def route(request: Request) -> ASGIApp:
            try:
                page_request = self._page_request(request)
                check_source(request, page_request.base_url)
                session = _required(await self._session(request, page_request.base_url))
                key = (headers_of(request.scope).any(KEY_HEADER) or b"").decode("latin-1")
                check_key({KEY: [key]}, session.form_key)
                return await view(replace(page_request, session=session))
            except Exception as exc:  # noqa: BLE001 - here exceptions become responses
                return answer_to(exc)  # logs the server's own faults

        return route

    async def login_page(self, page_request: PageRequest) -> Response:
        """Show the login form."""
        return self._login_page(page_request)

    async def log_in(self, request: Request) -> ASGIApp:
        """Open a session for a token."""
        page_request = self._page_request(request)
        check_source(request, page_request.base_url)
        if not is_private(page_request.base_url):
            return self._login_page(page_request, status=403)
        form = await read_form(request, _LOGIN_BYTES_MAX)
        token = one(form, "token").encode()
        try:
            workspace_id = await self._workspace_of(token, request)
        except NotAuthenticated as exc:
            return self._login_page(page_request, error=str(exc), status=401)
        is_dev = self._api.settings.is_dev
        digest = None if is_dev else hashlib.sha256(token).hexdigest()
        answer = RedirectResponse(_own_path(one(form, "next")), 303)
        session = self._sessions.begin(workspace_id, digest)
        answer.headers["set-cookie"] = self._sessions.cookie(session, page_request.base_url)
        return answer

    async def _workspace_of(self, token: bytes, request: Request) -> str:
        if not _TOKEN.fullmatch(token):
            raise NotAuthenticated("A token has no spaces.")
        return await self._authenticator.workspace_of_token(token, request.scope)

    async def log_out(self, page_request: PageRequest) -> Response:
        """End the session."""
        await self._sessions.end(_required(page_request.session))
        answer = RedirectResponse("/ui/login", 303)
        answer.headers["set-cookie"] = self._sessions.no_cookie(page_request.base_url)
        return answer

    def errors_become_pages(self, app: ASGIApp) -> ASGIApp:
        """Return an application whose exceptions are rendered as pages."""

        async def with_error_pages(scope: Scope, receive: Receive, send: Send) -> None:
            begun = False

            async def send_on(message: Message) -> None:
                nonlocal begun
                begun = True
                await send(message)

            try:
                await app(scope, receive, send_on)
            except Exception as exc:
                if begun:
                    raise
                answer = answer_to(exc)  # logs the server's own faults
                page_request = await self._with_session(Request(scope, receive))
                sentence = str(exc) if answer.status != 500 else None
                page = page_request.page(
                    "error.html", status=answer.status, sentence=sentence, number=answer.status
                )
                for name, value in answer.headers:
                    if name in (b"retry-after", b"allow"):
                        page.headers[name.decode()] = value.decode()
                await page(scope, receive, send)

        return with_error_pages

    def _page_request(self, request: Request) -> PageRequest:
        accepted = headers_of(request.scope).any(b"accept-language") or b""
        return PageRequest(
            http=request,
            renderer=self._renderer,
            translations=chosen(accepted.decode("latin-1"), self._languages),
            base_url=base_url_of(request.scope),
            now_ms=self._api.clock.now_ms(),
            is_dev=self._api.settings.is_dev,
        )

    async def _with_session(self, request: Request) -> PageRequest:
        """Return the request with its session, so that a page of an error has the navigation."""
        page_request = self._page_request(request)
        with suppress(RingbackError):  # the database may have failed
            session = await self._session(request, page_request.base_url)
            page_request = replace(page_request, session=session)
        return page_request

    async def _session(self, request: Request, base_url: str) -> Session | None:
        session = await self._sessions.read(request.cookies.get(cookie_name(base_url)))
        if session is None:
            return None
        if session.digest is None:
            return session if self._api.settings.is_dev else None
        try:
            workspace_id = await self._authenticator.workspace_of_digest(session.digest)
        except NotAuthenticated:
            return None  # the token was revoked
        return session if workspace_id == session.workspace_id else None

    def _set_cookie(
        self, answer: ASGIApp, known: Session | None, session: Session, page_request: PageRequest
    ) -> None:
        """Set the session's cookie when the session is new or half of its time has passed."""
        left_ms = session.until_ms - page_request.now_ms
        if not isinstance(answer, Response) or (known and left_ms > SESSION_S * 500):
            return
        renewed = self._sessions.renewed(session)
        if known and renewed.until_ms <= known.until_ms:
            return  # the session has reached its longest duration
        answer.headers.append("set-cookie", self._sessions.cookie(renewed, page_request.base_url))

    def _login_page(
        self, page_request: PageRequest, *, error: str | None = None, status: int = 200
    ) -> Response:
        return page_request.page(
            "login.html",
            status=status,
            error=error,
            may=is_private(page_request.base_url),
            next=_own_path(page_request.query.get("next", "")),
        )

    def _to_login(self, request: Request) -> Response:
        path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        query = urlencode({"next": path}) if request.method == "GET" else ""
        return RedirectResponse(f"/ui/login?{query}", 303)


def _required(session: Session | None) -> Session:
    if session is None:
        raise FormRefused("Your session has ended; go back, reload the page and try again.")
    return session


def _own_path(path: str) -> str:
    """Return the path if it is one of the dashboard's, or else the home page."""
    return path if _OWN_PATH.fullmatch(path) and "//" not in path else HOME
