"""Who comes in: sessions, the emulator's open door, and forms that are ours."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ringback.api.errors import answer_to
from ringback.api.headers import headers_of
from ringback.api.hosts import base_url_of
from ringback.api.resources import Open
from ringback.dashboard.deps import DashboardDeps
from ringback.dashboard.forms import (
    KEY,
    KEY_HEADER,
    check_key,
    check_source,
    one,
    read_form,
)
from ringback.dashboard.frame import Frame
from ringback.dashboard.sessions import SESSION_S, Session, Sessions, cookie_name, is_private
from ringback.dashboard.throttle import Throttle
from ringback.dashboard.visit import Visit
from ringback.dashboard.words import catalogues, chosen
from ringback.errors import FormRefused, NotAuthenticated

View = Callable[[Visit], Awaitable[ASGIApp]]

DEV_WORKSPACE = "dev"
HOME = "/ui/"
_OURS = re.compile(r"/ui/[A-Za-z0-9/_.~?&=%+-]{0,1000}")
_TOKEN = re.compile(rb"[\x21-\x7e]{1,500}")
_LOGIN_BYTES_MAX = 8_192


class Gate:
    """Lets visitors in, and turns what goes wrong behind it into pages."""

    def __init__(self, deps: DashboardDeps, frame: Frame) -> None:
        api = deps.api
        self._api = api
        self._frame = frame
        self._languages = catalogues()
        self._authenticator = deps.parts.authenticator
        self._sessions = Sessions(deps.seals, api.clock)
        self._throttle = Throttle(api.clock)

    def open(self, view: View) -> Open:
        """Return the route of a page that anybody may see."""

        async def route(request: Request) -> ASGIApp:
            return await view(self._visit(request))

        return route

    def private(self, view: View) -> Open:
        """Return the route of a page that takes a session."""

        async def route(request: Request) -> ASGIApp:
            visit = self._visit(request)
            session = await self._session(request, visit.base_url)
            if session is None and not self._api.settings.is_dev:
                return self._to_login(request)
            fresh = session or self._sessions.begin(DEV_WORKSPACE, None)
            answer = await view(replace(visit, session=fresh))
            self._keep(answer, session, fresh, visit)
            return answer

        return route

    def taking(self, view: View) -> Open:
        """Return the route of a form of ours, which carries its session's key."""

        async def route(request: Request) -> ASGIApp:
            visit = self._visit(request)
            check_source(request, visit.base_url)
            session = await self._session(request, visit.base_url)
            form = await read_form(request, self._api.settings.body_bytes_max)
            held = _held(session)
            check_key(form, held.form_key)
            return await view(replace(visit, session=held, form=form))

        return route

    def receiving(self, view: View) -> Open:
        """Return the route of a file that a script of ours sends; the key comes as a header.

        Other sites' pages can send no such header. What is wrong is said as the API says it.
        """

        async def route(request: Request) -> ASGIApp:
            try:
                visit = self._visit(request)
                check_source(request, visit.base_url)
                session = _held(await self._session(request, visit.base_url))
                key = (headers_of(request.scope).any(KEY_HEADER) or b"").decode("latin-1")
                check_key({KEY: [key]}, session.form_key)
                return await view(replace(visit, session=session))
            except Exception as exc:  # noqa: BLE001 - the place where they become answers
                return answer_to(exc)  # logs what is our fault

        return route

    async def login_page(self, visit: Visit) -> Response:
        """Show the form that asks for a token."""
        return self._login_page(visit)

    async def log_in(self, request: Request) -> ASGIApp:
        """Open a session for a token."""
        visit = self._visit(request)
        check_source(request, visit.base_url)
        if not is_private(visit.base_url):
            return self._login_page(visit, status=403)
        address = request.client.host if request.client else ""
        self._throttle.check(address)
        form = await read_form(request, _LOGIN_BYTES_MAX)
        token = one(form, "token").encode()
        try:
            workspace_id = await self._opened_by(token)
        except NotAuthenticated as exc:
            self._throttle.failed(address)
            return self._login_page(visit, error=str(exc), status=401)
        is_dev = self._api.settings.is_dev
        digest = None if is_dev else hashlib.sha256(token).hexdigest()
        answer = RedirectResponse(_ours(one(form, "next")), 303)
        session = self._sessions.begin(workspace_id, digest)
        answer.headers["set-cookie"] = self._sessions.cookie(session, visit.base_url)
        return answer

    async def _opened_by(self, token: bytes) -> str:
        if not _TOKEN.fullmatch(token):
            raise NotAuthenticated("A token is a word without spaces.")
        return await self._authenticator.workspace_of_token(token)

    async def log_out(self, visit: Visit) -> Response:
        """End the session."""
        answer = RedirectResponse("/ui/login", 303)
        answer.headers["set-cookie"] = self._sessions.end(visit.base_url)
        return answer

    def errors_become_pages(self, app: ASGIApp) -> ASGIApp:
        """Return an application whose exceptions are shown as pages."""

        async def shown(scope: Scope, receive: Receive, send: Send) -> None:
            begun = False

            async def watched(message: Message) -> None:
                nonlocal begun
                begun = True
                await send(message)

            try:
                await app(scope, receive, watched)
            except Exception as exc:
                if begun:
                    raise
                answer = answer_to(exc)  # logs what is our fault
                visit = self._visit(Request(scope, receive))
                sentence = str(exc) if answer.status != 500 else None
                page = visit.page(
                    "error.html", status=answer.status, sentence=sentence, number=answer.status
                )
                for name, value in answer.headers:
                    if name in (b"retry-after", b"allow"):
                        page.headers[name.decode()] = value.decode()
                await page(scope, receive, send)

        return shown

    def _visit(self, request: Request) -> Visit:
        accepted = headers_of(request.scope).any(b"accept-language") or b""
        return Visit(
            request=request,
            frame=self._frame,
            words=chosen(accepted.decode("latin-1"), self._languages),
            base_url=base_url_of(request.scope),
            now_ms=self._api.clock.now_ms(),
            is_dev=self._api.settings.is_dev,
        )

    async def _session(self, request: Request, base_url: str) -> Session | None:
        session = self._sessions.read(request.cookies.get(cookie_name(base_url)))
        if session is None:
            return None
        if session.digest is None:
            return session if self._api.settings.is_dev else None
        try:
            workspace_id = await self._authenticator.workspace_of_digest(session.digest)
        except NotAuthenticated:
            return None  # the token was revoked
        return session if workspace_id == session.workspace_id else None

    def _keep(self, answer: ASGIApp, known: Session | None, session: Session, visit: Visit) -> None:
        """Give the answer the session's cookie when it is new, or half over."""
        left_ms = session.until_ms - visit.now_ms
        if not isinstance(answer, Response) or (known and left_ms > SESSION_S * 500):
            return
        renewed = self._sessions.renewed(session)
        answer.headers.append("set-cookie", self._sessions.cookie(renewed, visit.base_url))

    def _login_page(self, visit: Visit, *, error: str | None = None, status: int = 200) -> Response:
        return visit.page(
            "login.html",
            status=status,
            error=error,
            may=is_private(visit.base_url),
            next=_ours(visit.query.get("next", "")),
        )

    def _to_login(self, request: Request) -> Response:
        wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        query = urlencode({"next": wanted}) if request.method == "GET" else ""
        return RedirectResponse(f"/ui/login?{query}", 303)


def _held(session: Session | None) -> Session:
    if session is None:
        raise FormRefused("Your session is over; go back, reload the page and try again.")
    return session


def _ours(path: str) -> str:
    """Return a path of this page to go on to, whatever was asked for."""
    return path if _OURS.fullmatch(path) and "//" not in path else HOME
