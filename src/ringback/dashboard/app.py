"""The page's index: every address under /ui, and what stands before them."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from ringback.api.resources import Resource
from ringback.api.streams import Streams
from ringback.dashboard.armour import Armour
from ringback.dashboard.deliveries import DeliveryViews
from ringback.dashboard.deps import DashboardDeps
from ringback.dashboard.destinations import DestinationViews
from ringback.dashboard.endpoints import EndpointViews
from ringback.dashboard.frame import Entry, Frame, Group
from ringback.dashboard.gallery import GalleryViews
from ringback.dashboard.gate import HOME, Gate
from ringback.dashboard.house import HouseViews
from ringback.dashboard.job import JobViews
from ringback.dashboard.live import Watches
from ringback.dashboard.playground import PlaygroundViews
from ringback.dashboard.start import StartViews
from ringback.dashboard.static import Shelf
from ringback.errors import RouteNotFound

PAGES_MAX = 500
"""Live pages that one workspace may have open."""


def create_dashboard(deps: DashboardDeps) -> ASGIApp:
    """Return the page as one ASGI application, for what comes to /ui and for browsers at /."""
    api = deps.api
    shelf = Shelf()
    house = HouseViews(
        tokens=deps.tokens,
        keys=api.keys,
        endpoints=api.endpoints,
        catalogue=api.catalogue,
        settings=api.settings,
        origins=deps.origins,
        lab=api.lab,
    )
    frame = Frame(shelf, _navigation(deps), is_shown=house.shows_settings_to)
    gate = Gate(deps, frame)
    watches = Watches(api.service, api.clock)
    streams = Streams(api.clock, streams_max=PAGES_MAX)
    gallery = GalleryViews(api.service, api.catalogue, api.clock, watches, streams)
    job = JobViews(api.service, api.deliveries, api.catalogue, api.artifacts, watches, streams)
    playground = PlaygroundViews(
        api.service, api.catalogue, deps.parts.submissions, deps.parts.assets, deps.inbox
    )
    deliveries = DeliveryViews(api.deliveries, api.chores, api.keys, watches, streams)
    destinations = DestinationViews(api.deliveries, api.chores, watches, streams)
    endpoints = EndpointViews(api.endpoints, api.keys, api.policy, api.catalogue, deps.inbox)
    start = StartViews(api.service, deps.inbox, watches, streams)
    see, take = gate.private, gate.taking

    async def static(request: Request) -> ASGIApp:
        return shelf.answer(request.path_params["version"], request.path_params["name"])

    async def to_home(_request: Request) -> ASGIApp:
        return RedirectResponse(HOME, 303)

    routes = Router(
        [
            Route("/", Resource(GET=to_home)),
            Route("/ui", Resource(GET=to_home)),
            Route("/ui/", Resource(GET=see(start.home))),
            Route("/ui/login", Resource(GET=gate.open(gate.login_page), POST=gate.log_in)),
            Route("/ui/logout", Resource(POST=take(gate.log_out))),
            Route("/ui/static/{version}/{name}", Resource(GET=static)),
            Route("/ui/start", Resource(GET=see(start.start))),
            Route("/ui/start/live", Resource(GET=see(start.stream))),
            Route("/ui/inbox", Resource(GET=see(start.inbox), POST=take(start.answer))),
            Route("/ui/jobs", Resource(GET=see(gallery.gallery))),
            Route("/ui/jobs/live", Resource(GET=see(gallery.stream))),
            Route("/ui/jobs/{job_id}", Resource(GET=see(job.job))),
            Route("/ui/jobs/{job_id}/live", Resource(GET=see(job.stream))),
            Route("/ui/jobs/{job_id}/cancel", Resource(POST=take(job.cancel))),
            Route("/ui/assets", Resource(POST=gate.receiving(playground.upload))),
            Route("/ui/playground", Resource(GET=see(playground.choose))),
            Route("/ui/playground/{kind}/{model:path}/code", Resource(POST=take(playground.code))),
            Route(
                "/ui/playground/{kind}/{model:path}",
                Resource(GET=see(playground.form), POST=take(playground.submit)),
            ),
            Route("/ui/deliveries", Resource(GET=see(deliveries.listed))),
            Route("/ui/deliveries/live", Resource(GET=see(deliveries.stream))),
            Route("/ui/deliveries/redeliver", Resource(POST=take(deliveries.redeliver_many))),
            Route("/ui/deliveries/{delivery_id}", Resource(GET=see(deliveries.delivery))),
            Route(
                "/ui/deliveries/{delivery_id}/live", Resource(GET=see(deliveries.delivery_stream))
            ),
            Route(
                "/ui/deliveries/{delivery_id}/redeliver",
                Resource(POST=take(deliveries.redeliver)),
            ),
            Route("/ui/deliveries/{delivery_id}/cancel", Resource(POST=take(deliveries.cancel))),
            Route("/ui/chores/{chore_id}", Resource(GET=see(deliveries.chore))),
            Route("/ui/chores/{chore_id}/live", Resource(GET=see(deliveries.chore_stream))),
            Route("/ui/chores/{chore_id}/cancel", Resource(POST=take(deliveries.cancel_chore))),
            Route("/ui/destinations", Resource(GET=see(destinations.listed))),
            Route("/ui/destinations/live", Resource(GET=see(destinations.stream))),
            Route("/ui/destinations/one", Resource(GET=see(destinations.one))),
            Route("/ui/destinations/pause", Resource(POST=take(destinations.pause))),
            Route("/ui/destinations/resume", Resource(POST=take(destinations.resume))),
            Route("/ui/destinations/drain", Resource(POST=take(destinations.drain))),
            Route(
                "/ui/endpoints",
                Resource(GET=see(endpoints.listed), POST=take(endpoints.create)),
            ),
            Route(
                "/ui/endpoints/{endpoint_id}",
                Resource(GET=see(endpoints.one), POST=take(endpoints.change)),
            ),
            Route("/ui/endpoints/{endpoint_id}/{verb}", Resource(POST=take(endpoints.act))),
            Route("/ui/keys", Resource(GET=see(house.keys))),
            Route("/ui/keys/rotate", Resource(POST=take(house.rotate))),
            Route("/ui/keys/public", Resource(POST=take(house.switch_public))),
            Route("/ui/tokens", Resource(POST=take(house.make_token))),
            Route("/ui/tokens/{token_id}/revoke", Resource(POST=take(house.revoke))),
            Route("/ui/models", Resource(GET=see(house.models))),
            Route("/ui/lab", Resource(GET=see(house.lab), POST=take(house.advance))),
            Route("/ui/settings", Resource(GET=see(house.settings))),
        ],
        redirect_slashes=False,
        default=_no_such_page,
    )
    return Armour(gate.errors_become_pages(routes), pictures_from=api.artifacts.link_origin)


def _navigation(deps: DashboardDeps) -> list[Group]:
    """Return the lines of the navigation; the emulator has a few more."""
    is_dev = deps.inbox is not None
    inbox = (Entry("inbox", "/ui/inbox"),) if is_dev else ()
    lab = (Entry("lab", "/ui/lab"),) if deps.api.lab is not None else ()
    return [
        Group("make", (Entry("jobs", "/ui/jobs"), Entry("playground", "/ui/playground"))),
        Group(
            "deliver",
            (
                Entry("deliveries", "/ui/deliveries"),
                Entry("destinations", "/ui/destinations"),
                Entry("endpoints", "/ui/endpoints"),
                *inbox,
            ),
        ),
        Group(
            "set_up",
            (
                Entry("start", "/ui/start"),
                Entry("models", "/ui/models"),
                Entry("keys", "/ui/keys"),
                *lab,
                Entry("settings", "/ui/settings"),
            ),
        ),
    ]


async def _no_such_page(scope: Scope, receive: Receive, send: Send) -> None:
    raise RouteNotFound("There is no such page.")
