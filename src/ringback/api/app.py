"""The API's index: every route, and what stands before them."""

from __future__ import annotations

from collections.abc import Callable

from starlette.routing import Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from ringback.api.about import AboutRoutes
from ringback.api.apps import AppRoutes
from ringback.api.artifacts import ArtifactRoutes
from ringback.api.chores import ChoreRoutes
from ringback.api.deliveries import DeliveryRoutes, DestinationRoutes
from ringback.api.deps import ApiDeps
from ringback.api.endpoints import EndpointRoutes
from ringback.api.errors import ErrorsBecomeAnswers
from ringback.api.events import EventRoutes
from ringback.api.headers import headers_of
from ringback.api.hooks import HookRoute
from ringback.api.hosts import HostCheck
from ringback.api.jobs import JobRoutes
from ringback.api.jwks import JwksRoute
from ringback.api.lab import LabRoutes
from ringback.api.listeners import ListenerRoutes
from ringback.api.parts import ApiParts
from ringback.api.resources import Open, Personal, Private, Resource, personal_to, private_to
from ringback.api.streams import Streams
from ringback.api.styles import StyleRoutes
from ringback.api.submissions import PREFIX, Submissions
from ringback.api.usage import UsageRoutes
from ringback.errors import RouteNotFound

__all__ = ["ApiDeps", "create_api"]

PAGES = "/ui/"


def create_api(deps: ApiDeps, parts: ApiParts | None = None) -> ASGIApp:
    """Return the whole API as one ASGI application; it owns nothing and needs no lifespan."""
    parts = parts or ApiParts.of(deps)
    private = private_to(parts.authenticator)
    about = AboutRoutes(deps)
    artifacts = ArtifactRoutes(deps.artifacts)
    assets = parts.assets
    streams = Streams(deps.clock)
    jobs = JobRoutes(deps.service, streams, deps.apps)
    deliveries = DeliveryRoutes(deps.deliveries)
    chores = ChoreRoutes(deps.chores)
    destinations = DestinationRoutes(deps.deliveries)
    events = EventRoutes(deps.feed, streams)
    submit = parts.submissions

    routes = Router(
        [
            Route("/", Resource(GET=about.root)),
            Route("/models", Resource(GET=about.models)),
            Route("/openapi.json", Resource(GET=about.openapi)),
            Route("/healthz", Resource(GET=about.healthz)),
            Route("/readyz", Resource(GET=about.readyz)),
            Route("/jobs", Resource(GET=private(jobs.list_jobs))),
            Route(
                "/jobs/{job_id}",
                Resource(GET=private(jobs.get_job), DELETE=private(jobs.cancel_job)),
            ),
            Route(
                "/assets",
                Resource(GET=private(assets.list_assets), POST=private(assets.add_asset)),
            ),
            Route(
                "/assets/{asset_id}",
                Resource(GET=private(assets.get_asset), DELETE=private(assets.delete_asset)),
            ),
            Route("/deliveries", Resource(GET=private(deliveries.list_deliveries))),
            Route("/deliveries/redeliver", Resource(POST=private(chores.redeliver))),
            Route("/webhooks/chores", Resource(GET=private(chores.list_chores))),
            Route(
                "/webhooks/chores/{chore_id}",
                Resource(GET=private(chores.get_chore), DELETE=private(chores.cancel_chore)),
            ),
            Route("/deliveries/{delivery_id}", Resource(GET=private(deliveries.get_delivery))),
            Route(
                "/deliveries/{delivery_id}/redeliver", Resource(POST=private(deliveries.redeliver))
            ),
            Route("/deliveries/{delivery_id}/cancel", Resource(POST=private(deliveries.cancel))),
            Route("/deliveries/{delivery_id}/explain", Resource(GET=private(deliveries.explain))),
            Route("/destinations", Resource(GET=private(destinations.list_destinations))),
            Route("/destinations/pause", Resource(POST=private(destinations.pause))),
            Route("/destinations/resume", Resource(POST=private(destinations.resume))),
            Route("/usage", Resource(GET=private(UsageRoutes(deps.usage).get_usage))),
            Route("/events", Resource(GET=private(events.list_events))),
            Route("/artifacts/{name}", Resource(GET=artifacts.get_artifact)),
            *_style_routes(StyleRoutes(deps), submit, personal_to(parts.authenticator)),
            Route(
                "/hooks/{engine}/{job_id}/{proof}", Resource(POST=HookRoute(deps.take_hook).post)
            ),
            *_lab_routes(deps, private),
            *([] if deps.tools is None else [Route("/mcp", deps.tools)]),
            Route("/.well-known/webhooks-jwks.json", Resource(GET=JwksRoute(deps).get)),
            *_webhook_routes(EndpointRoutes(deps), private),
            *_app_routes(AppRoutes(deps, submit, parts.authenticator), private),
            *_listener_routes(ListenerRoutes(deps, streams), private),
        ],
        redirect_slashes=False,
        default=_no_such_route,
    )

    others = routes if deps.pages is None else _beside(deps.pages, routes)

    async def route(scope: Scope, receive: Receive, send: Send) -> None:
        # POST /generate/{kind}/{model} goes past the router: it is most of the traffic.
        target = submit if scope["path"].startswith(PREFIX) else others
        await target(scope, receive, send)

    return _HttpOnly(ErrorsBecomeAnswers(HostCheck(route, deps.settings)))


def _beside(pages: ASGIApp, routes: ASGIApp) -> ASGIApp:
    """Return what has the pages answer under /ui, and to browsers at the root."""

    async def route(scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        is_page = path.startswith(PAGES) or path == PAGES[:-1] or (path == "/" and _wants(scope))
        await (pages if is_page else routes)(scope, receive, send)

    return route


def _wants(scope: Scope) -> bool:
    return b"text/html" in (headers_of(scope).any(b"accept") or b"").lower()


def _lab_routes(deps: ApiDeps, private: Callable[[Private], Open]) -> list[Route]:
    """Return the emulator's own routes; a server has none of them."""
    if deps.lab is None:
        return []
    lab = LabRoutes(deps.lab)
    clock = Resource(GET=private(lab.get_clock), POST=private(lab.move_clock))
    return [Route("/lab/clock", clock)]


def _style_routes(
    styles: StyleRoutes, submit: Submissions, personal: Callable[[Personal], Open]
) -> list[Route]:
    one = "/styles/{style_id}"
    return [
        Route("/styles", Resource(GET=personal(styles.list_styles))),
        Route("/styles/train", Resource(POST=personal(submit.train))),
        Route(
            one,
            Resource(
                GET=personal(styles.get_style),
                PATCH=personal(styles.change_style),
                DELETE=personal(styles.delete_style),
            ),
        ),
        Route(
            f"{one}/like",
            Resource(PUT=personal(styles.like), DELETE=personal(styles.unlike)),
        ),
        Route(
            f"{one}/share/link",
            Resource(GET=personal(styles.share_link), DELETE=personal(styles.close_link)),
        ),
        Route(
            f"{one}/share/workspace",
            Resource(POST=personal(styles.share), DELETE=personal(styles.unshare)),
        ),
    ]


def _webhook_routes(endpoints: EndpointRoutes, private: Callable[[Private], Open]) -> list[Route]:
    one = "/webhooks/endpoints/{endpoint_id}"
    keys = Resource(
        GET=private(endpoints.list_keys),
        POST=private(endpoints.add_key),
        DELETE=private(endpoints.drop_keys),
    )
    return [
        Route(
            "/webhooks/endpoints",
            Resource(GET=private(endpoints.list_endpoints), POST=private(endpoints.create)),
        ),
        Route(
            one,
            Resource(
                GET=private(endpoints.get),
                PATCH=private(endpoints.change),
                DELETE=private(endpoints.delete),
            ),
        ),
        Route(f"{one}/test", Resource(POST=private(endpoints.send_test))),
        Route(f"{one}/recover", Resource(POST=private(endpoints.recover))),
        Route(f"{one}/keys", keys),
        Route(f"{one}/secret/rotate", Resource(POST=private(endpoints.rotate_endpoint_secret))),
        Route("/webhooks/keys", keys),
        Route("/webhooks/secret/rotate", Resource(POST=private(endpoints.rotate_workspace_secret))),
    ]


def _app_routes(apps: AppRoutes, private: Callable[[Private], Open]) -> list[Route]:
    return [
        Route("/node-apps", Resource(GET=private(apps.list_apps), POST=private(apps.push))),
        Route("/node-apps/{app}", Resource(GET=private(apps.get_app))),
        Route("/node-apps/{app}/execute", Resource(POST=private(apps.execute))),
    ]


def _listener_routes(listeners: ListenerRoutes, private: Callable[[Private], Open]) -> list[Route]:
    one = "/webhooks/listeners/{name}"
    return [
        Route(one, Resource(PUT=private(listeners.open), DELETE=private(listeners.forget))),
        Route(f"{one}/deliveries", Resource(GET=private(listeners.stream))),
        Route(f"{one}/answers", Resource(POST=private(listeners.answer))),
    ]


async def _no_such_route(scope: Scope, receive: Receive, send: Send) -> None:
    raise RouteNotFound("There is no such route; GET / names the ones to begin with.")


class _HttpOnly:
    """Refuses web sockets, which no route speaks."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008})
