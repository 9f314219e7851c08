"""The dashboard's route table, with login and security headers before every route."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from ringback.dashboard.access.login import HOME, Login
from ringback.dashboard.access.security_headers import SecurityHeaders
from ringback.dashboard.live_updates import LivePages
from ringback.dashboard.pages.admin import AdminViews
from ringback.dashboard.pages.assets import AssetViews
from ringback.dashboard.pages.deliveries import DeliveryViews
from ringback.dashboard.pages.destinations import DestinationViews
from ringback.dashboard.pages.endpoints import EndpointViews
from ringback.dashboard.pages.first_steps import FirstStepsViews
from ringback.dashboard.pages.gallery import GalleryViews
from ringback.dashboard.pages.job import JobViews
from ringback.dashboard.pages.node_apps import NodeAppViews
from ringback.dashboard.pages.overview import OverviewViews
from ringback.dashboard.pages.playground import PlaygroundViews
from ringback.dashboard.pages.stills import StillViews
from ringback.dashboard.pages.styles import StyleViews
from ringback.dashboard.pages.usage import UsageViews
from ringback.dashboard.rendering import Entry, Group, Renderer
from ringback.dashboard.services import DashboardServices
from ringback.dashboard.static import StaticFiles
from ringback.errors import RouteNotFound
from ringback.http.methods import Resource
from ringback.http.public_path import path_of


def create_dashboard(services: DashboardServices) -> ASGIApp:
    """Return the dashboard as one ASGI application, for /ui and for browsers at /."""
    api = services.api
    static_files = StaticFiles()
    admin = AdminViews(
        tokens=services.tokens,
        keys=api.keys,
        endpoints=api.endpoints,
        catalogue=api.catalogue,
        settings=api.settings,
        origins=services.origins,
        lab=api.lab,
        faults=api.faults,
        reset=api.reset,
    )
    renderer = Renderer(
        static_files,
        _navigation(services),
        shows_settings_to=admin.shows_settings_to,
        root=path_of(api.settings.public_url),
    )
    login = Login(services, renderer)
    page, form = login.authenticated, login.form
    live = LivePages(api.service, api.clock)
    gallery = GalleryViews(api.service, api.catalogue, api.clock, live)
    job = JobViews(api.service, api.deliveries, api.catalogue, api.artifacts, live)
    deliveries = DeliveryViews(
        api.deliveries, api.bulk_operations, api.keys, live, api.cursors, api.activity
    )
    overview = OverviewViews(api.activity, api.deliveries, live)
    playground = PlaygroundViews(api.service, api.catalogue, services.parts.intake, services.inbox)
    destinations = DestinationViews(api.deliveries, api.bulk_operations, live)
    endpoints = EndpointViews(api.endpoints, api.keys, api.policy, api.catalogue, services.inbox)
    start = FirstStepsViews(api.service, services.inbox, live, api.keys)

    async def static(request: Request) -> ASGIApp:
        return static_files.response(request.path_params["version"], request.path_params["name"])

    routes = Router(
        [
            Route("/", Resource(GET=_to_home)),
            Route("/ui", Resource(GET=_to_home)),
            Route("/ui/", Resource(GET=page(start.home))),
            Route("/ui/login", Resource(GET=login.public(login.login_page), POST=login.log_in)),
            Route("/ui/logout", Resource(POST=form(login.log_out))),
            Route("/ui/static/{version}/{name}", Resource(GET=static)),
            *_start_routes(login, start),
            *_overview_routes(login, overview),
            *_job_routes(login, gallery, job, playground),
            *_resource_routes(login, services),
            *_delivery_routes(login, deliveries),
            *_receiver_routes(login, destinations, endpoints),
            *_admin_routes(login, admin),
        ],
        redirect_slashes=False,
        default=_no_such_page,
    )
    return SecurityHeaders(
        login.errors_become_pages(routes), pictures_from=api.artifacts.link_origin
    )


async def _to_home(_request: Request) -> ASGIApp:
    return RedirectResponse(HOME, 303)


def _overview_routes(login: Login, overview: OverviewViews) -> list[Route]:
    page = login.authenticated
    return [
        Route("/ui/overview", Resource(GET=page(overview.overview))),
        Route("/ui/overview/live", Resource(GET=page(overview.stream))),
    ]


def _start_routes(login: Login, start: FirstStepsViews) -> list[Route]:
    page, form = login.authenticated, login.form
    return [
        Route("/ui/start", Resource(GET=page(start.start))),
        Route("/ui/start/live", Resource(GET=page(start.stream))),
        Route("/ui/help", Resource(GET=page(start.help))),
        Route("/ui/inbox", Resource(GET=page(start.inbox), POST=form(start.set_answer))),
    ]


def _job_routes(
    login: Login, gallery: GalleryViews, job: JobViews, playground: PlaygroundViews
) -> list[Route]:
    page, form = login.authenticated, login.form
    return [
        Route("/ui/jobs", Resource(GET=page(gallery.gallery))),
        Route("/ui/jobs/live", Resource(GET=page(gallery.stream))),
        Route("/ui/jobs/{job_id}", Resource(GET=page(job.job))),
        Route("/ui/jobs/{job_id}/live", Resource(GET=page(job.stream))),
        Route("/ui/jobs/{job_id}/cancel", Resource(POST=form(job.cancel))),
        Route("/ui/playground", Resource(GET=page(playground.choose))),
        Route("/ui/playground/{kind}/{model:path}/code", Resource(POST=form(playground.code))),
        Route(
            "/ui/playground/{kind}/{model:path}",
            Resource(GET=page(playground.form), POST=form(playground.submit)),
        ),
    ]


def _resource_routes(login: Login, services: DashboardServices) -> list[Route]:
    api, page, form = services.api, login.authenticated, login.form
    assets = AssetViews(api.assets, api.service, services.parts.uploads)
    styles = StyleViews(api.styles)
    apps, usage = NodeAppViews(api.apps), UsageViews(api.usage)
    stills = StillViews(api.artifacts, services.draw_still)
    return [
        Route("/ui/stills/{name}", Resource(GET=page(stills.still))),
        Route("/ui/assets", Resource(GET=page(assets.listed), POST=login.upload(assets.upload))),
        Route("/ui/assets/{asset_id}/delete", Resource(POST=form(assets.delete))),
        Route("/ui/styles", Resource(GET=page(styles.listed))),
        Route("/ui/styles/{style_id}/delete", Resource(POST=form(styles.delete))),
        Route("/ui/node-apps", Resource(GET=page(apps.listed))),
        Route("/ui/node-apps/{app}", Resource(GET=page(apps.one))),
        Route("/ui/usage", Resource(GET=page(usage.usage))),
    ]


def _delivery_routes(login: Login, deliveries: DeliveryViews) -> list[Route]:
    page, form = login.authenticated, login.form
    return [
        Route("/ui/deliveries", Resource(GET=page(deliveries.listed))),
        Route("/ui/deliveries/live", Resource(GET=page(deliveries.stream))),
        Route("/ui/deliveries/redeliver", Resource(POST=form(deliveries.redeliver_many))),
        Route("/ui/deliveries/chosen", Resource(POST=form(deliveries.act_on_chosen))),
        Route("/ui/deliveries/{delivery_id}", Resource(GET=page(deliveries.delivery))),
        Route("/ui/deliveries/{delivery_id}/live", Resource(GET=page(deliveries.delivery_stream))),
        Route(
            "/ui/deliveries/{delivery_id}/redeliver",
            Resource(POST=form(deliveries.redeliver)),
        ),
        Route("/ui/deliveries/{delivery_id}/cancel", Resource(POST=form(deliveries.cancel))),
        Route(
            "/ui/bulk-operations/{bulk_operation_id}",
            Resource(GET=page(deliveries.bulk_operation)),
        ),
        Route(
            "/ui/bulk-operations/{bulk_operation_id}/live",
            Resource(GET=page(deliveries.bulk_operation_stream)),
        ),
        Route(
            "/ui/bulk-operations/{bulk_operation_id}/cancel",
            Resource(POST=form(deliveries.cancel_bulk_operation)),
        ),
    ]


def _receiver_routes(
    login: Login, destinations: DestinationViews, endpoints: EndpointViews
) -> list[Route]:
    page, form = login.authenticated, login.form
    return [
        Route("/ui/destinations", Resource(GET=page(destinations.listed))),
        Route("/ui/destinations/live", Resource(GET=page(destinations.stream))),
        Route("/ui/destinations/one", Resource(GET=page(destinations.one))),
        Route("/ui/destinations/pause", Resource(POST=form(destinations.pause))),
        Route("/ui/destinations/resume", Resource(POST=form(destinations.resume))),
        Route("/ui/destinations/drain", Resource(POST=form(destinations.drain))),
        Route(
            "/ui/endpoints",
            Resource(GET=page(endpoints.listed), POST=form(endpoints.create)),
        ),
        Route(
            "/ui/endpoints/{endpoint_id}",
            Resource(GET=page(endpoints.one), POST=form(endpoints.change)),
        ),
        Route("/ui/endpoints/{endpoint_id}/{action}", Resource(POST=form(endpoints.act))),
    ]


def _admin_routes(login: Login, admin: AdminViews) -> list[Route]:
    page, form = login.authenticated, login.form
    return [
        Route("/ui/keys", Resource(GET=page(admin.keys))),
        Route("/ui/keys/rotate", Resource(POST=form(admin.rotate))),
        Route("/ui/keys/public", Resource(POST=form(admin.change_public_keys))),
        Route("/ui/tokens", Resource(POST=form(admin.create_token))),
        Route("/ui/tokens/{token_id}/revoke", Resource(POST=form(admin.revoke))),
        Route("/ui/models", Resource(GET=page(admin.models))),
        Route("/ui/lab", Resource(GET=page(admin.lab), POST=form(admin.advance))),
        Route("/ui/lab/reset", Resource(POST=form(admin.reset))),
        Route("/ui/settings", Resource(GET=page(admin.settings))),
    ]


def _navigation(services: DashboardServices) -> list[Group]:
    """Return the groups of the navigation; the emulator has an inbox and a lab as well."""
    is_dev = services.inbox is not None
    inbox = (Entry("inbox", "/ui/inbox"),) if is_dev else ()
    lab = (Entry("lab", "/ui/lab"),) if services.api.lab is not None else ()
    return [
        Group(
            "make",
            (
                Entry("overview", "/ui/overview"),
                Entry("jobs", "/ui/jobs"),
                Entry("playground", "/ui/playground"),
                Entry("assets", "/ui/assets"),
                Entry("styles", "/ui/styles"),
                Entry("node_apps", "/ui/node-apps"),
            ),
        ),
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
                Entry("usage", "/ui/usage"),
                Entry("keys", "/ui/keys"),
                *lab,
                Entry("settings", "/ui/settings"),
                Entry("help", "/ui/help"),
            ),
        ),
    ]


async def _no_such_page(scope: Scope, receive: Receive, send: Send) -> None:
    raise RouteNotFound("There is no such page.")
