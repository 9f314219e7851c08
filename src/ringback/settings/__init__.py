"""The settings: name, type, default and one line of meaning each; read once and passed down.

A setting comes from the first of these that has it: the command line, the environment
(``RINGBACK_`` and the name in capitals), the TOML file of ``--config``, the default here.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Mapping
from datetime import date as Day
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, get_type_hints
from urllib.parse import urlsplit

import msgspec.inspect
from msgspec import Meta, Struct

from ringback.errors import SetupError
from ringback.settings.sources import PREFIX, config_file, convert, in_environment, in_file

Port = Annotated[int, Meta(ge=0, le=65535)]
Count = Annotated[int, Meta(ge=1, le=2**31)]
Seconds = Annotated[float, Meta(gt=0, le=7 * 86_400)]
Days = Annotated[float, Meta(gt=0, le=36_500)]
Wait = Annotated[float, Meta(ge=0, le=7 * 86_400)]

DEFAULT_PORT = 7464
Role = Literal["api", "worker", "dispatcher"]
ROLES: tuple[Role, ...] = ("api", "worker", "dispatcher")
_DATABASE = r"^postgres(ql)?://"
_PUBLIC_URL = r"^https?://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?(/[A-Za-z0-9._~/-]*)?$"


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How one server runs."""

    profile: Literal["dev", "serve"] = "serve"
    """dev: any token opens a workspace of its name, webhooks into private networks allowed."""
    host: str = "127.0.0.1"
    """The address to listen on."""
    port: Port = DEFAULT_PORT
    """The port to listen on; 0 picks a free one."""
    data: Path = Path(".ringback")
    """The directory that holds the database and the artifacts."""
    database: Annotated[str, Meta(pattern=_DATABASE)] | None = None
    """A PostgreSQL database, postgresql://USER:PASSWORD@HOST/NAME (default: SQLite in data)."""
    database_direct: Annotated[str, Meta(pattern=_DATABASE)] | None = None
    """The same database past a pooler that is named in database: one connection, for wake-ups."""
    roles: Annotated[tuple[Role, ...], Meta(min_length=1)] = ROLES
    """The roles of this process; on SQLite one process has all of them."""
    processes: Annotated[int, Meta(ge=1, le=1024)] = 1
    """Processes of the same roles on this machine; more than one need PostgreSQL."""
    worker_engines: tuple[str, ...] = ()
    """The engines whose jobs a worker runs (default: all it has)."""
    worker_models: tuple[str, ...] = ()
    """The models whose jobs a worker runs (default: all that its engines have)."""
    probe_port: Port | None = None
    """Where /healthz and /readyz answer beside the API, and without one."""
    artifacts_url: str | None = None
    """s3://BUCKET/PREFIX: where artifacts are kept (default: in the data directory)."""
    artifacts_endpoint: str | None = None
    """The S3-compatible server's URL (default: AWS_ENDPOINT_URL_S3, or AWS of the region)."""
    artifacts_region: str | None = None
    """The bucket's region (default: AWS_REGION, or us-east-1)."""
    artifacts_path_style: bool = True
    """Whether the bucket is named in the path, or else in the host name."""
    artifacts_links: Literal["proxied", "presigned"] = "proxied"
    """proxied: artifacts come through the API; presigned: it redirects to the bucket."""
    artifacts_link_s: Seconds = 3600.0
    """How long a presigned URL serves an artifact; it is made anew at every request."""
    public_url: Annotated[str, Meta(pattern=_PUBLIC_URL)] | None = None
    """Where clients reach this server; result URLs begin with it (default: the request's host)."""
    allowed_hosts: tuple[str, ...] = ()
    """Names beside localhost that the Host header may have; others are refused."""
    cors_origins: tuple[str, ...] | None = None
    """Origins whose pages may call the API from a browser, or * (default: in dev loopback's)."""
    lab: str | dict[str, Any] | None = None
    """dev only: faults for every job, or a fault script: a .toml file, or a table."""
    models: Path | None = None
    """A folder of your own model files (*.toml), read beside the built-in ones."""
    krea_as_of: Day | None = None
    """The day of the public API whose models are offered (default: the newest known)."""
    providers: tuple[dict[str, Any], ...] = ()
    """file only: providers with models of your own, each as a model file has it."""
    engines: dict[str, str | dict[str, Any]] = {}
    """file only: models that another engine serves, like "bfl/flux-1-dev" or "video/*" = "null"."""
    active_max: Count = 4
    """Jobs of one workspace that may be queued or running at once; more are backlogged."""
    backlog_max: Annotated[int, Meta(ge=0)] = 1000
    """Backlogged jobs of one workspace; more are refused with 429."""
    submit_rate: Annotated[float, Meta(ge=0, le=1_000_000)] = 0.0
    """Jobs that one workspace may submit per second; more are refused with 429; 0 is no limit."""
    keep_alive_s: Seconds = 75.0
    """How long a client's idle connection is kept; longer than the proxy in front keeps it."""
    body_bytes_max: Count = 1_048_576
    """The largest request body that is read, not counting files in it."""
    file_body_bytes_max: Count = 33_554_432
    """The largest request body with files in it, as data: URIs or base64."""
    job_timeout_s: Seconds = 180.0
    """How long a built-in engine may work on one job, without the time that it waits."""
    lease_s: Annotated[float, Meta(ge=1, le=3_600)] = 15.0
    """How long a worker that is not heard of keeps its jobs."""
    crash_wait_s: Annotated[float, Meta(ge=0, le=3_600)] = 30.0
    """How long a worker that crashes again and again waits at most before it takes jobs; 0: not."""
    sketch_processes: Count = 1
    """Processes that draw side by side; one more is for a workspace that has none at work."""
    enhance_weights: Path | None = None
    """A file of weights of a network that enlarges pictures; read by spandrel."""
    webhook_timeout_s: Seconds = 15.0
    """One attempt's total time: names, connecting, sending and the answer."""
    webhook_connect_timeout_s: Seconds = 5.0
    """How long one address of a receiver may take to accept a connection."""
    webhook_dns_timeout_s: Seconds = 2.0
    """How long the look-up of a receiver's name may take."""
    dns_servers: tuple[str, ...] = ()
    """Name servers, each ADDRESS, ADDRESS:PORT or [ADDRESS]:PORT (default: the system's)."""
    webhook_concurrency: Count = 256
    """Attempts in flight at once; a quarter more is for workspaces with less than their part."""
    webhook_concurrency_per_destination: Count = 8
    """Attempts in flight at once to one scheme, host and port."""
    webhook_rate: Annotated[float, Meta(ge=0)] = 0.0
    """Attempts per second in all; 0 is no limit."""
    webhook_rate_per_destination: Annotated[float, Meta(ge=0)] = 0.0
    """Attempts per second to one scheme, host and port; 0 is no limit."""
    schedule: Literal["standard", "quick"] = "standard"
    """The waits between attempts: ten in 76 hours, or, for development, ten in four minutes."""
    charge_drawings: bool = False
    """serve only: models that the built-in sketch engine only draws cost their price, too."""
    webhook_schedule_s: Annotated[tuple[Wait, ...], Meta(min_length=1, max_length=50)] | None = None
    """The wait before each attempt, the first included, in seconds (default: as schedule says)."""
    breaker_failures_max: Count = 10
    """Failures in a row after which a destination is paused."""
    breaker_pause_s: Seconds = 5.0
    """How long a destination is paused at first; it doubles with every probe that fails."""
    breaker_pause_s_max: Seconds = 300.0
    """How long a destination is paused at most before it is probed again."""
    endpoint_disable_after_s: Seconds = 432_000.0
    """How long an endpoint may fail, or a listener lack its program, before it is disabled."""
    assets_bytes_max: Annotated[int, Meta(ge=1, le=2**50)] = 10_737_418_240
    """Bytes that one workspace's assets may have in all; more are refused with 409."""
    endpoints_max: Count = 50
    """Webhook endpoints that one workspace may keep."""
    secret_overlap_s: Annotated[float, Meta(ge=0, le=30 * 86_400)] = 86_400.0
    """How long a rotated secret still signs beside its successor."""
    retention_answers_days: Days = 7.0
    """How long receivers' answers are kept: bodies and headers."""
    retention_attempts_days: Days = 30.0
    """How long attempts are kept."""
    retention_days: Days = 90.0
    """How long ended jobs, their artifacts, their events and their deliveries are kept."""
    dashboard: bool = True
    """Serve the page, under /ui."""
    operator_workspace: str | None = None
    """serve only: the workspace whose page also shows the settings in force and makes tokens."""
    operator_webhook_url: str | None = None
    """Where the operator's events go: deliveries exhausted, endpoints disabled, pauses."""
    operator_webhook_secret: str | None = None
    """The secret that signs the operator's webhooks: whsec_ and base64; required with the URL."""
    webhook_http: bool = False
    """serve only: allow plain http webhook URLs."""
    webhook_networks: tuple[str, ...] | None = None
    """Networks beyond the public internet for webhooks (default: none; in dev private ones)."""
    webhook_hosts: tuple[str, ...] = ()
    """Names, or *.SUFFIX, that webhooks may call although their addresses are not public."""
    webhook_ports: tuple[Annotated[int, Meta(ge=1, le=65535)], ...] = ()
    """Ports for webhooks beside 443, 8443, 80 and 8080; dev allows any."""
    input_networks: tuple[str, ...] | None = None
    """Networks beyond the public internet for inputs (default: none; in dev private ones)."""
    ca_file: Path | None = None
    """A PEM file of authorities that connections trust beside the system's."""
    trusted_proxies: tuple[str, ...] = ()
    """Networks of proxies in front, which name the client in the header of client_header."""
    client_header: Literal["x-forwarded-for", "forwarded"] = "x-forwarded-for"
    """The header in which trusted proxies name the client; the other is the client's, not read."""
    egress_proxy: str | None = None
    """An HTTP proxy for all requests to users' URLs; the proxy must then check the addresses."""
    grace_s: Seconds = 30.0
    """How long a stopping server lets running work finish."""
    disk_reserve_bytes: Annotated[int, Meta(ge=0)] = 67_108_864
    """New jobs are refused with 507 when the disk has less room than this."""
    log_level: Literal["debug", "info", "warning"] = "info"
    """The least serious log lines that are written."""
    log_format: Literal["auto", "json", "text"] = "auto"
    """auto: text to a terminal, JSON elsewhere."""

    @property
    def routes(self) -> dict[str, str]:
        """Return which engine serves which models, where it is not the catalogue's choice."""
        return {name: value for name, value in self.engines.items() if isinstance(value, str)}

    @property
    def upstreams(self) -> dict[str, dict[str, Any]]:
        """Return the tables of upstream engines, by the engines' names."""
        return {name: value for name, value in self.engines.items() if isinstance(value, dict)}

    @property
    def own_names(self) -> tuple[str, ...]:
        """Return the names and addresses that this server answers to beside localhost."""
        public = urlsplit(self.public_url).hostname if self.public_url else None
        return (self.host, *self.allowed_hosts, *([public] if public else []))

    @property
    def answers_any_host(self) -> bool:
        """Say whether no Host header is refused: then no URL is made of one."""
        return bool(self.public_url and not self.allowed_hosts and not self.is_dev)

    @property
    def is_alone(self) -> bool:
        """Say whether no other process works on the same data."""
        return self.database is None

    @property
    def is_dev(self) -> bool:
        """Say whether this is the developer's profile."""
        return self.profile == "dev"


def origins_of(
    flags: Mapping[str, Any], *, environment: Mapping[str, str], config: Path | None = None
) -> dict[str, str]:
    """Return where each setting comes from: ``flag``, ``environment``, ``file`` or ``default``.

    Raises ``SetupError`` for a file that cannot be read.
    """
    named = config_file(config, environment)
    file = frozenset() if named is None else frozenset(in_file(named, types()))
    texts = in_environment(environment, types())
    origins: dict[str, str] = {}
    for name in Settings.__struct_fields__:
        if flags.get(name) is not None:
            origins[name] = "flag"
        elif name in texts:
            origins[name] = "environment"
        else:
            origins[name] = "file" if name in file else "default"
    return origins


def meanings() -> dict[str, str]:
    """Return each setting's one line of meaning, in the order of their definition."""
    found: dict[str, str] = {}
    name = ""
    for node in ast.parse(inspect.getsource(Settings)).body[0].body:  # type: ignore[attr-defined]
        match node:
            case ast.AnnAssign(target=ast.Name(id=name)):
                pass
            case ast.Expr(value=ast.Constant(value=str(meaning))) if name:
                found[name] = meaning
    return found


def read_settings(
    flags: Mapping[str, Any], *, environment: Mapping[str, str], config: Path | None = None
) -> Settings:
    """Return the settings in force, or raise ``SetupError`` naming the wrong one.

    A flag that is None is ignored.
    """
    kinds = types()
    hints = get_type_hints(Settings, include_extras=True)
    named = config_file(config, environment)
    found: dict[str, tuple[str, Any]] = {}
    if named is not None:
        found |= {name: (f"{name} in {named}", v) for name, v in in_file(named, kinds).items()}
    for name, text in in_environment(environment, kinds).items():
        found[name] = f"{PREFIX}{name.upper()}", text
    for name, value in flags.items():
        if value is not None:
            found[name] = f"--{name.replace('_', '-')}", value
    chosen: dict[str, Any] = {}
    for name, (source, value) in found.items():
        try:
            chosen[name] = convert(value, kinds[name], hints[name], name=name)
        except ValueError as exc:
            raise SetupError(f"The setting {source} is wrong: {exc}.") from None
    return Settings(**chosen)


@cache
def types() -> dict[str, msgspec.inspect.Type]:
    """Return each setting's type, by its name."""
    described = msgspec.inspect.type_info(Settings)
    assert isinstance(described, msgspec.inspect.StructType)
    return {field.name: field.type for field in described.fields}
