"""Every knob: its name, type, default and one line of meaning. Read once, frozen, handed down.

A setting comes from, last word first: the command line, the environment (``RINGBACK_`` and the
name in capitals), the file given with ``--config`` (TOML, the same names), the default here.
"""

from __future__ import annotations

import ast
import inspect
import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from ringback.errors import SetupError

Port = Annotated[int, Meta(ge=0, le=65535)]
Count = Annotated[int, Meta(ge=1, le=2**31)]
Seconds = Annotated[float, Meta(gt=0, le=7 * 86_400)]
Days = Annotated[float, Meta(gt=0, le=36_500)]
Wait = Annotated[float, Meta(ge=0, le=7 * 86_400)]

DEFAULT_PORT = 7464
Role = Literal["api", "worker", "dispatcher"]
ROLES: tuple[Role, ...] = ("api", "worker", "dispatcher")
_LISTS = ("allowed_hosts", "worker_engines", "worker_models", "roles", "webhook_schedule_s")
VARIABLES_OF_OTHERS = (
    "RINGBACK_API_KEY",  # clients of a server
    "RINGBACK_BASE_URL",
    "RINGBACK_WEBHOOK_SECRET",  # receivers of webhooks
    "RINGBACK_MASTER_KEY",  # what seals the secrets that the database keeps
    "RINGBACK_CONTRACT_DIR",  # this project's own tests
    "RINGBACK_TEST_*",
    "RINGBACK_LOG*",  # whoever runs the server and collects its log
    "RINGBACK_SERVICE_*",  # Kubernetes, into every pod beside a service of that name
    "RINGBACK_PORT_*",
)
"""Variables that begin as ours do and set nothing here; any other such name is taken for a slip."""
_DATABASE = r"^postgres(ql)?://"
_PUBLIC_URL = r"^https?://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?(/[A-Za-z0-9._~/-]*)?$"


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How one server runs."""

    profile: Literal["dev", "serve"] = "serve"
    """dev: any token opens a workspace of its name, loopback webhooks allowed."""
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
    """What this process does; on SQLite one process does it all."""
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
    """dev only: names beside localhost that the Host header may have."""
    lab: str | None = None
    """dev only: faults for every job, or a fault script that ends in .toml."""
    models: Path | None = None
    """A folder of your own model files (*.toml), read beside the built-in ones."""
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
    body_bytes_max: Count = 1_048_576
    """The largest request body that is read."""
    job_timeout_s: Seconds = 180.0
    """How long a built-in engine may work on one job."""
    lease_s: Annotated[float, Meta(ge=1, le=3_600)] = 15.0
    """How long a worker that is not heard of keeps its jobs."""
    sketch_processes: Count = 1
    """Processes that draw pictures and make clips side by side."""
    enhance_weights: Path | None = None
    """A file of weights of a network that enlarges pictures; read by spandrel."""
    webhook_timeout_s: Seconds = 15.0
    """One attempt's total time: names, connecting, sending and the answer."""
    webhook_connect_timeout_s: Seconds = 5.0
    """How long one address of a receiver may take to accept a connection."""
    webhook_dns_timeout_s: Seconds = 2.0
    """How long the look-up of a receiver's name may take."""
    webhook_concurrency: Count = 256
    """Attempts in flight at once."""
    webhook_concurrency_per_destination: Count = 8
    """Attempts in flight at once to one scheme, host and port."""
    webhook_rate: Annotated[float, Meta(ge=0)] = 0.0
    """Attempts per second in all; 0 is no limit."""
    webhook_rate_per_destination: Annotated[float, Meta(ge=0)] = 0.0
    """Attempts per second to one scheme, host and port; 0 is no limit."""
    webhook_schedule_s: Annotated[tuple[Wait, ...], Meta(min_length=1, max_length=50)] | None = None
    """The wait before each attempt, the first included, in seconds (default: ten in 76 hours)."""
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
    """How long what receivers answered is kept: bodies and headers."""
    retention_attempts_days: Days = 30.0
    """How long attempts are kept."""
    retention_days: Days = 90.0
    """How long ended jobs, their artifacts, their events and their deliveries are kept."""
    dashboard: bool = True
    """Serve the page, under /ui."""
    operator_workspace: str | None = None
    """serve only: the workspace whose page also shows the settings in force and makes tokens."""
    operator_webhook_url: str | None = None
    """Where the operator is told of what was given up, disabled or paused."""
    operator_webhook_secret: str | None = None
    """What signs the operator's webhooks: whsec_ and base64; required with the URL."""
    webhook_http: bool = False
    """serve only: allow plain http webhook URLs."""
    egress_proxy: str | None = None
    """An HTTP proxy for all requests to users' URLs; the duty of judging addresses is then its."""
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
    config = config or (Path(path) if (path := environment.get("RINGBACK_CONFIG")) else None)
    in_file = frozenset(_read_file(config)) if config is not None else frozenset()
    origins: dict[str, str] = {}
    for name in Settings.__struct_fields__:
        if flags.get(name) is not None:
            origins[name] = "flag"
        elif environment.get(f"RINGBACK_{name.upper()}"):
            origins[name] = "environment"
        else:
            origins[name] = "file" if name in in_file else "default"
    return origins


def meanings() -> dict[str, str]:
    """Return each setting's one line of meaning, in the order in which they stand here."""
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

    A flag that is None was not given.
    """
    _check_names(environment)
    config = config or (Path(path) if (path := environment.get("RINGBACK_CONFIG")) else None)
    found: dict[str, Any] = {}
    if config is not None:
        found |= _read_file(config)
    for name in Settings.__struct_fields__:
        if text := environment.get(f"RINGBACK_{name.upper()}"):
            found[name] = text.split(",") if name in _LISTS else text
    found |= {name: value for name, value in flags.items() if value is not None}
    try:
        # strict=False reads "8000" as a number and "true" as a truth, as the environment has them.
        return msgspec.convert(found, Settings, strict=False, dec_hook=_decode)
    except msgspec.ValidationError as exc:
        raise SetupError(f"The settings are wrong: {exc}.") from exc


def _check_names(environment: Mapping[str, str]) -> None:
    """Raise ``SetupError`` for a variable that looks like a setting and is none."""
    known = {
        "RINGBACK_CONFIG",
        *(f"RINGBACK_{name.upper()}" for name in Settings.__struct_fields__),
    }
    for name, text in environment.items():
        if not text or not name.startswith("RINGBACK_") or name in known:
            continue
        if any(fnmatchcase(name, pattern) for pattern in VARIABLES_OF_OTHERS):
            continue
        near = get_close_matches(name.upper(), sorted(known), n=2)
        hint = f"did you mean {' or '.join(near)}?" if near else "unset it."
        raise SetupError(f"The environment variable {name} sets nothing in Ringback; {hint}")


def _read_file(config: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(config.read_text("utf-8"))
    except OSError as exc:
        raise SetupError(f"The config file {config} cannot be read: {exc.strerror}.") from exc
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise SetupError(f"The config file {config} is not TOML: {exc}.") from exc


def _decode(kind: type, value: object) -> object:
    if kind is Path and isinstance(value, str | Path):
        return Path(value)
    raise TypeError(f"{value!r} is not a {kind.__name__}")
