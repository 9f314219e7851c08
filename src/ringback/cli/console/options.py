"""Settings as options: a flag is the setting's name with dashes, and its default is None."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import wraps
from math import isnan
from pathlib import Path
from typing import Any, TypeVar

import click

from ringback.settings import Settings, origins_of, read_settings

Command = TypeVar("Command", bound=Callable[..., Any])
Result = TypeVar("Result")
Decorator = Callable[[Command], Command]

_DEFAULTS = Settings()


class Number(click.FloatRange):
    """A number within bounds; unlike ``click.FloatRange`` it refuses NaN, which passes bounds."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the number, or fail with a sentence."""
        number: float = super().convert(value, param, ctx)
        if isnan(number):
            self.fail("must be a number.", param, ctx)
        return number


class GivenPath(click.Path):
    """A path; an empty one, as an unset variable of a shell leaves it, is refused."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path, or fail with a sentence."""
        if value == "":
            self.fail("it is empty; name a path, or leave the option out.", param, ctx)
        return super().convert(value, param, ctx)


_COUNT = click.IntRange(min=1)
_SECONDS = Number(min=0, min_open=True)


def _setting(name: str, meaning: str, *, called: str | None = None, **how: Any) -> Decorator[Any]:
    """Return the option of a setting; its help names the variable and the default."""
    default = getattr(_DEFAULTS, name)
    shown = "" if default in (None, (), False) else f", default {default}"
    flag = called or name.replace("_", "-")
    names = f"--{flag}/--no-{flag}" if how.get("is_flag") else f"--{flag}"
    return click.option(
        names, name, default=None, help=f"{meaning} [RINGBACK_{name.upper()}{shown}]", **how
    )


def _names(_ctx: click.Context, _option: click.Parameter, text: str | None) -> list[str] | None:
    return None if text is None else [one.strip() for one in text.split(",")]


CONFIG = click.option(
    "--config",
    type=GivenPath(path_type=Path),
    metavar="FILE",
    help="A TOML file of settings; flags and the environment override it. [RINGBACK_CONFIG]",
)
DATA = _setting(
    "data",
    "The directory of the database and the artifacts.",
    type=GivenPath(path_type=Path, file_okay=False, readable=False),
    metavar="DIR",
)
LISTENING = (
    _setting("host", "The address to listen on.", metavar="ADDRESS"),
    _setting("port", "The port to listen on; 0 picks a free one.", type=click.IntRange(0, 65535)),
)
MODELS = _setting(
    "models",
    "A folder of your own model files (*.toml), beside the built-in ones.",
    type=GivenPath(path_type=Path, file_okay=False, readable=False),
    metavar="DIR",
)
KREA_AS_OF = _setting(
    "krea_as_of",
    "The day of the public API whose models are offered. Default: the newest known.",
    metavar="DAY",
)
CA_FILE = click.option(
    "--ca-file",
    type=GivenPath(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="A PEM file of authorities to trust, beside the system's. [RINGBACK_CA_FILE]",
)
SKIP_VERIFY = click.option(
    "--skip-verify", is_flag=True, help="Take any certificate of a receiver on this machine."
)
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
LIMIT = click.option(
    "--limit",
    type=click.IntRange(1, 1_000),
    default=20,
    show_default=True,
    help="How many are shown at most.",
)
TIMEOUT = click.option(
    "--timeout",
    "timeout_s",
    type=Number(min=0, min_open=True),
    metavar="SECONDS",
    help="How long to wait; the job itself goes on.",
)

_GRACE = _setting("grace_s", "How long a stopping server lets work finish.", type=_SECONDS)
_LOGGING = (
    _setting(
        "log_level",
        "The least serious lines that are logged.",
        type=click.Choice(["debug", "info", "warning"], case_sensitive=False),
    ),
    _setting(
        "log_format",
        "How log lines are written; auto is text to a terminal.",
        type=click.Choice(["auto", "json", "text"], case_sensitive=False),
    ),
)
_JOB_TIMEOUT = _setting("job_timeout_s", "How long a job may run.", type=_SECONDS)
_SKETCH_PROCESSES = _setting(
    "sketch_processes", "Processes that draw pictures and make clips side by side.", type=_COUNT
)
_WEBHOOK_TIMEOUT = _setting(
    "webhook_timeout_s", "The total time of one attempt of a webhook.", type=_SECONDS
)
ALLOWED_HOSTS = _setting(
    "allowed_hosts",
    "Names, comma-separated, that requests may call this server beside localhost.",
    metavar="NAMES",
    callback=_names,
)
_SERVER = (
    *LISTENING,
    DATA,
    _setting(
        "public_url",
        "Where clients reach the server; result URLs begin with it. Default: the request's host.",
        metavar="URL",
    ),
    ALLOWED_HOSTS,
    CONFIG,
    MODELS,
    KREA_AS_OF,
    _setting("active_max", "Jobs of one workspace queued or running at once.", type=_COUNT),
    _setting(
        "backlog_max",
        "Jobs of one workspace waiting behind those; more are refused with 429.",
        type=click.IntRange(min=0),
    ),
    _JOB_TIMEOUT,
    _SKETCH_PROCESSES,
    _WEBHOOK_TIMEOUT,
    _GRACE,
    *_LOGGING,
)
_ROLES = _setting(
    "roles",
    "The roles of this process, comma-separated: api, worker, dispatcher. Default: all.",
    metavar="ROLES",
    callback=_names,
)
DATABASE = _setting(
    "database",
    "A PostgreSQL database, instead of SQLite in the data directory.",
    metavar="URL",
)
_SCALE = (
    DATABASE,
    _setting(
        "processes", "Processes of this kind on this machine, on PostgreSQL alone.", type=_COUNT
    ),
    _setting(
        "probe_port",
        "Where /healthz and /readyz answer beside the API, and without one.",
        type=click.IntRange(0, 65535),
    ),
)
_WORK = (
    _setting(
        "worker_engines",
        "Run only jobs of these engines, comma-separated. Default: all.",
        called="engines",
        metavar="NAMES",
        callback=_names,
    ),
    _setting(
        "worker_models",
        "Run only jobs of these models, comma-separated. Default: all of the engines'.",
        called="models",
        metavar="MODELS",
        callback=_names,
    ),
)
LAB = _setting(
    "lab", "Faults for every job, or a fault script that ends in .toml.", metavar="FAULTS"
)
SCHEDULE = _setting(
    "schedule",
    "The waits between attempts of a webhook; quick has seconds instead of hours.",
    type=click.Choice(["standard", "quick"], case_sensitive=False),
)
WEBHOOK_HTTP = _setting("webhook_http", "Allow plain http webhook URLs.", is_flag=True)
_PART = (LISTENING[0], DATA, CONFIG, *_SCALE, _GRACE, *_LOGGING)

DEV_OPTIONS = (*_SERVER, LAB, SCHEDULE)
SERVE_OPTIONS = (*_SERVER, WEBHOOK_HTTP, _ROLES, *_SCALE)
WORKER_OPTIONS = (*_WORK, _JOB_TIMEOUT, _SKETCH_PROCESSES, *_PART)
DISPATCH_OPTIONS = (_WEBHOOK_TIMEOUT, WEBHOOK_HTTP, *_PART)


def options(*chosen: Decorator[Any]) -> Decorator[Any]:
    """Return a decorator that gives a command these options, and ``--json``."""

    def decorate(function: Any) -> Any:
        # Decorators apply from the last to the first, and --help lists them in this order.
        for option in reversed((*chosen, AS_JSON)):
            function = option(function)
        return function

    return decorate


def with_settings(function: Callable[..., Result]) -> Callable[..., Result]:
    """Give a command ``--data``, ``--config`` and ``--json``; it gets ``settings``, ``as_json``."""

    @wraps(function)
    def command(*arguments: Any, data: Path | None, config: Path | None, **options: Any) -> Result:
        return function(
            *arguments, settings=settings_from({"data": data}, config=config), **options
        )

    decorated: Callable[..., Result] = DATA(CONFIG(AS_JSON(command)))
    return decorated


def settings_from(flags: dict[str, Any], *, config: Path | None = None) -> Settings:
    """Return the settings in force, or raise ``SetupError``."""
    from ringback.server.settings_checks import check_addresses

    settings = read_settings(flags, environment=os.environ, config=config)
    check_addresses(settings)
    return settings


def origins_from(flags: dict[str, Any], *, config: Path | None = None) -> dict[str, str]:
    """Return the source of each setting: flag, environment, file or default."""
    return origins_of(flags, environment=os.environ, config=config)
