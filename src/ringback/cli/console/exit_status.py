"""The exit statuses, and the sentence with a next step for every foreseen error."""

from __future__ import annotations

import errno
import sys
import traceback
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeGuard

import click

if TYPE_CHECKING:
    from ringback.client.errors import ApiError


class Status(IntEnum):
    """The exit statuses of the program."""

    WELL = 0
    FAILED = 1
    USAGE = 2
    JOB_ENDED = 3  # a job failed or was cancelled
    NOT_FOUND = 4
    NOT_OPENED = 5  # no token, or one without access
    NO_ANSWER = 6
    TIMED_OUT = 7  # the job goes on
    INTERRUPTED = 130  # the shell's status of a program that SIGINT ended
    READER_GONE = 141  # the shell's status of a program that SIGPIPE ended


class NotThere(click.ClickException):
    """The requested resource does not exist."""

    exit_code = Status.NOT_FOUND


class NoAnswer(click.ClickException):
    """The server or receiver did not answer."""

    exit_code = Status.NO_ANSWER


class Ending(NamedTuple):
    """A sentence for the user, and an exit status."""

    sentence: str
    status: Status


TRACE = "RINGBACK_TRACE"
"""The variable that lets an unforeseen error show its whole trace."""
_CLIENTS_OWN = frozenset({"click", "httpx2", "msgspec", "ringback"})
_SERVER = "This command needs the server's packages: pip install 'ringback[server]'."


def ending_of(exc: Exception) -> Ending:
    """Return the ending for an error; an unforeseen one is told with the place that raised it."""
    if isinstance(exc, ModuleNotFoundError):
        name = (exc.name or "").partition(".")[0]
        if name not in _CLIENTS_OWN:
            return Ending(f"{_SERVER} ({exc})", Status.FAILED)
    from ringback.errors import NotFound, RingbackError

    if isinstance(exc, RingbackError):
        status = Status.NOT_FOUND if isinstance(exc, NotFound) else Status.FAILED
        return Ending(str(exc), status)
    return _of_the_database(exc) or _of_the_client(exc) or _of_the_system(exc) or _unforeseen(exc)


def _of_the_database(exc: Exception) -> Ending | None:
    apsw = sys.modules.get("apsw")  # not imported here: it is slow, and only a loaded one can raise
    if apsw is None or not isinstance(exc, apsw.Error):
        return None
    if isinstance(exc, apsw.FullError):
        return Ending(f"The database's disk is full ({exc}); free some space.", Status.FAILED)
    is_damaged = isinstance(exc, (apsw.CorruptError, apsw.NotADBError))
    state = "is damaged" if is_damaged else "cannot be used"
    sentence = f"The database {state} ({exc}); ringback doctor suggests a remedy."
    return Ending(sentence, Status.FAILED)


def _of_the_system(exc: Exception) -> Ending | None:
    """Return the ending for a file, a disk or a text that the system or a codec refused."""
    if isinstance(exc, UnicodeError):
        sentence = f"A text here is not Unicode ({exc.reason if _has_reason(exc) else exc})"
        return Ending(f"{sentence}; write it in UTF-8.", Status.USAGE)
    if not isinstance(exc, OSError):
        return None
    why = exc.strerror or str(exc) or type(exc).__name__
    if exc.errno in (errno.ENOSPC, errno.EDQUOT):
        where = f" for {exc.filename}" if exc.filename else ""
        return Ending(f"The disk has no room{where} ({why}); free some space.", Status.FAILED)
    if exc.filename:
        sentence = f"{exc.filename} cannot be used ({why}); check its owner and permissions."
        return Ending(sentence, Status.FAILED)
    return Ending(
        f"The system refused a call ({why}); ringback doctor may know why.", Status.FAILED
    )


def _has_reason(exc: UnicodeError) -> TypeGuard[UnicodeEncodeError | UnicodeDecodeError]:
    return isinstance(exc, UnicodeEncodeError | UnicodeDecodeError)


def _unforeseen(exc: Exception) -> Ending:
    frames = traceback.extract_tb(exc.__traceback__)
    where = f" in {Path(frames[-1].filename).name}, line {frames[-1].lineno}" if frames else ""
    named = f"{type(exc).__name__}: {exc}" if str(exc) else type(exc).__name__
    return Ending(
        f"This is a fault of Ringback ({named}{where}); please report it, with the trace that "
        f"{TRACE}=1 prints.",
        Status.FAILED,
    )


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
    """Return a server's error, with a line for each detail that its sentence lacks."""
    more = [
        f"\n  {one.path}: {one.message}" for one in exc.details if one.message not in exc.message
    ]
    if exc.retry_after is not None:
        more.append(f"\n  Try again in {exc.retry_after:g} s.")
    return exc.message + "".join(more)
