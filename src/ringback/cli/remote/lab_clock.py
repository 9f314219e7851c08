"""Speaks to the lab of a running emulator over HTTP: its clock, and the reset of a workspace."""

from __future__ import annotations

from random import Random
from typing import Any

import click

from ringback.cli.console.exit_status import NoAnswer
from ringback.client import requests
from ringback.client.clock import SystemClock
from ringback.client.config import Config
from ringback.client.errors import ApiError, ConnectionFailed, NotFoundError
from ringback.client.requests import Request
from ringback.client.retrying import Retrying
from ringback.client.sync.transport import Transport

# A three-day schedule takes about a second; many receivers that do not answer take longer.
_TIMEOUT_S = 600
_CLOCK = "/lab/clock"
_RESET = "/lab/reset"
_EMPTIED = ("jobs", "deliveries", "events", "endpoints", "assets", "styles", "apps")


def read_clock(config: Config) -> dict[str, Any]:
    """Return the emulator's time, or raise ``ClickException``."""
    return _call(config, requests.get(_CLOCK), "now", "ahead")


def advance_clock(config: Config, duration: str) -> dict[str, Any]:
    """Advance the emulator's clock, or raise ``ClickException`` when it refuses."""
    request = requests.send("POST", _CLOCK, {"advance": duration})
    return _call(config, request, "before", "now", "attempts")


def reset_workspace(config: Config) -> dict[str, Any]:
    """Empty the token's workspace and return how much was deleted, or raise ``ClickException``."""
    return _call(config, requests.send("POST", _RESET, {}), *_EMPTIED)


def _call(config: Config, request: Request, *members: str) -> dict[str, Any]:
    transport = Transport(
        config, timeout_s=_TIMEOUT_S, retrying=Retrying(0, Random()), clock=SystemClock()
    )
    url = config.base_url + request.path
    try:
        document = transport.call(request, dict[str, Any])
        return {member: document[member] for member in members}
    except NotFoundError as exc:
        raise click.ClickException(f"{url} does not exist; only ringback dev has a lab.") from exc
    except ApiError as exc:
        raise click.ClickException(f"{url} answered {exc.status}: {exc.message}") from exc
    except (ConnectionFailed, KeyError) as exc:
        raise NoAnswer(
            f"No emulator answers at {url} ({exc}); "
            "start one with ringback dev, or name it with --url."
        ) from exc
    finally:
        transport.close()
