"""How the program ends: its exit statuses, and every error as one sentence with a next step."""

from __future__ import annotations

import sys
from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

import click

if TYPE_CHECKING:
    from ringback.client.errors import ApiError


class Status(IntEnum):
    """What a program that runs this one learns from its exit status."""

    WELL = 0
    FAILED = 1
    USAGE = 2
    JOB_ENDED = 3  # a job failed or was cancelled
    NOT_FOUND = 4
    NOT_OPENED = 5  # no token, or one that does not open this
    NO_ANSWER = 6
    TIMED_OUT = 7  # the job goes on
    INTERRUPTED = 130  # what a shell says of a program that SIGINT ended


class NotThere(click.ClickException):
    """What was asked for is not there."""

    exit_code = Status.NOT_FOUND


class NoAnswer(click.ClickException):
    """Nothing answered that this command was to speak to."""

    exit_code = Status.NO_ANSWER


class Ending(NamedTuple):
    """A sentence for the person, and a status for the program that ran this one."""

    sentence: str
    status: Status


_CLIENTS_OWN = frozenset({"click", "httpx2", "msgspec", "ringback"})
_SERVER = "This command is the server's: pip install 'ringback[server]' brings what it needs."


def ending_of(exc: Exception) -> Ending | None:
    """Return how an error ends the program; None for one that nobody foresaw."""
    if isinstance(exc, ModuleNotFoundError):
        name = (exc.name or "").partition(".")[0]
        return None if name in _CLIENTS_OWN else Ending(f"{_SERVER} ({exc})", Status.FAILED)
    from ringback.errors import RingbackError

    if isinstance(exc, RingbackError):
        return Ending(str(exc), Status.FAILED)
    return _of_the_database(exc) or _of_the_client(exc)


def _of_the_database(exc: Exception) -> Ending | None:
    apsw = sys.modules.get("apsw")  # only where it is loaded can it have raised
    if apsw is None or not isinstance(exc, (apsw.CorruptError, apsw.NotADBError)):
        return None
    sentence = f"The database is damaged ({exc}); ringback doctor says what to do."
    return Ending(sentence, Status.FAILED)


def _of_the_client(exc: Exception) -> Ending | None:
    from ringback.client import errors

    match exc:
        case errors.ConfigurationError():
            return Ending(str(exc), Status.USAGE)
        case errors.ConnectionFailed():
            hint = "ringback dev starts one here, --url or RINGBACK_BASE_URL names another."
            return Ending(f"{exc} Is it running? {hint}", Status.NO_ANSWER)
        case errors.AuthenticationError():
            hint = "--token or RINGBACK_API_KEY gives one; ringback keys create makes one."
            return Ending(f"{exc.message.removesuffix('.')}: {hint}", Status.NOT_OPENED)
        case errors.NotFoundError():
            return Ending(exc.message, Status.NOT_FOUND)
        case errors.JobEnded():
            return Ending(str(exc), Status.JOB_ENDED)
        case errors.WaitTimeout():
            hint = f"It goes on; ringback jobs watch {exc.job.job_id} follows it."
            return Ending(f"{exc} {hint}", Status.TIMED_OUT)
        case errors.ApiError():
            return Ending(refusal_of(exc), Status.FAILED)
        case errors.ClientError():
            return Ending(str(exc), Status.FAILED)
    return None


def refusal_of(exc: ApiError) -> str:
    """Return what a server refused, with what its sentence does not yet say in a line each."""
    more = [
        f"\n  {one.path}: {one.message}" for one in exc.details if one.message not in exc.message
    ]
    if exc.retry_after is not None:
        more.append(f"\n  Try again in {exc.retry_after:g} s.")
    return exc.message + "".join(more)
