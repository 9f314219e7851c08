"""The route table of the API, and the middleware before it."""

from __future__ import annotations

from functools import partial

from starlette.routing import Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from ringback.api.openapi.document import describe
from ringback.api.operations import OperationTable
from ringback.api.routes import (
    about,
    assets,
    bulk_operations,
    deliveries,
    endpoints,
    events,
    jobs,
    jwks,
    listeners,
    node_apps,
    styles,
    usage,
)
from ringback.api.routes.artifacts import ArtifactRoutes
from ringback.api.routes.lab import LabRoutes
from ringback.api.routes.provider_webhooks import ProviderWebhookRoute
from ringback.api.routes.submissions import PREFIX, Submissions
from ringback.api.services import ApiServices
from ringback.api.shared import SharedParts
from ringback.errors import RouteNotFound
from ringback.files.artifacts.names import FOLDER
from ringback.http.auth import Authenticator
from ringback.http.cross_origin import with_cross_origin
from ringback.http.errors import ErrorsBecomeAnswers
from ringback.http.event_streams import Streams
from ringback.http.headers import headers_of
from ringback.http.hosts import HostCheck
from ringback.http.methods import Resource, authenticated
from ringback.http.public_path import PublicPath, path_of

__all__ = ["ApiServices", "create_api"]

PAGES = "/ui/"


def create_api(services: ApiServices, shared: SharedParts | None = None) -> ASGIApp:
    """Return the whole API as one ASGI application; it owns nothing and needs no lifespan."""
    shared = shared or SharedParts.of(services)
    authenticator = shared.authenticator
    streams = Streams(services.clock)
    submit = Submissions(services, shared.intake, shared.bodies, authenticator)
    tables: list[tuple[OperationTable, object]] = [
        (about.OPERATIONS, about.AboutRoutes(services, partial(describe, services.catalogue))),
        (jobs.OPERATIONS, jobs.JobRoutes(services.service, streams, services.apps)),
        (
            assets.OPERATIONS,
            assets.AssetRoutes(services, shared.intake, shared.uploads, shared.bodies),
        ),
        # Before the deliveries, whose routes would read "redeliver" as a delivery's id.
        (bulk_operations.OPERATIONS, bulk_operations.BulkOperationRoutes(services.bulk_operations)),
        (deliveries.DELIVERIES, deliveries.DeliveryRoutes(services.deliveries, services.cursors)),
        (deliveries.DESTINATIONS, deliveries.DestinationRoutes(services.deliveries)),
        (usage.OPERATIONS, usage.UsageRoutes(services.usage)),
        (events.OPERATIONS, events.EventRoutes(services.feed, streams, services.cursors)),
        (styles.OPERATIONS, styles.StyleRoutes(services)),
        (jwks.OPERATIONS, jwks.JwksRoute(services)),
        (endpoints.OPERATIONS, endpoints.EndpointRoutes(services)),
        (node_apps.OPERATIONS, node_apps.AppRoutes(services, shared.intake, shared.bodies)),
        (listeners.OPERATIONS, listeners.ListenerRoutes(services, streams)),
    ]
    routes = Router(
        [
            *_undescribed_routes(services, submit, authenticator),
            *(
                route
                for table, handlers in tables
                for route in table.routes(handlers, authenticator)
            ),
        ],
        redirect_slashes=False,
        default=_no_such_route,
    )

    others = routes if services.pages is None else _with_pages(services.pages, routes)

    async def route(scope: Scope, receive: Receive, send: Send) -> None:
        # POST /generate/{kind}/{model} skips the router: it is most of the traffic.
        target = submit if scope["path"].startswith(PREFIX) else others
        await target(scope, receive, send)

    app: ASGIApp = ErrorsBecomeAnswers(HostCheck(route, services.settings))
    app = with_cross_origin(app, services.settings)
    public_path = path_of(services.settings.public_url)
    return _HttpOnly(PublicPath(app, public_path) if public_path else app)


def _with_pages(pages: ASGIApp, routes: ASGIApp) -> ASGIApp:
    """Return an application that serves the pages under /ui, and to browsers at the root."""

    async def route(scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        is_page = (
            path.startswith(PAGES) or path == PAGES[:-1] or (path == "/" and _accepts_html(scope))
        )
        await (pages if is_page else routes)(scope, receive, send)

    return route


def _accepts_html(scope: Scope) -> bool:
    return b"text/html" in (headers_of(scope).any(b"accept") or b"").lower()


def _undescribed_routes(
    services: ApiServices, submit: Submissions, authenticator: Authenticator
) -> list[Route]:
    """Return the routes that stand in no table of operations."""
    train = authenticated(authenticator.authenticate, submit.train)
    routes = [
        Route("/", Resource(GET=about.AboutRoutes.root)),
        Route(f"{FOLDER}{{name}}", Resource(GET=ArtifactRoutes(services.artifacts).get_artifact)),
        Route("/styles/train", Resource(POST=train)),
        *(
            Route(model.path, Resource(POST=authenticated(authenticator.authenticate, export)))
            for model, export in submit.exports()
        ),
        Route(
            "/hooks/{engine}/{job_id}/{proof}",
            Resource(POST=ProviderWebhookRoute(services.take_provider_webhook).post),
        ),
    ]
    if services.lab is not None:  # only the emulator has a lab
        lab = LabRoutes(services.lab, services.reset)
        clock = Resource(
            GET=authenticated(authenticator.workspace_of, lab.get_clock),
            POST=authenticated(authenticator.workspace_of, lab.move_clock),
        )
        reset = Resource(POST=authenticated(authenticator.workspace_of, lab.reset_workspace))
        routes += [Route("/lab/clock", clock), Route("/lab/reset", reset)]
    if services.tools is not None:
        routes.append(Route("/mcp", services.tools))
    return routes


async def _no_such_route(scope: Scope, receive: Receive, send: Send) -> None:
    raise RouteNotFound("There is no such route; GET / names the ones to begin with.")


class _HttpOnly:
    """Middleware that refuses web sockets: no route takes them."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008})
