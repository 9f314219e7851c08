# Made of ../aio/jobs.py by tools/unasync.py: change that, and run make fmt.
"""``client.jobs``: look at jobs, wait for them, cancel them, download what they made."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, suppress
from functools import partial
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from ringback.client import requests
from ringback.client.errors import (
    ConnectionFailed,
    JobCancelled,
    JobFailed,
    RateLimitError,
    SaveFailed,
    WaitTimeout,
)
from ringback.client.models import Page
from ringback.client.progress import ProgressLine
from ringback.client.requests import part
from ringback.client.saving import Saving, file_name
from ringback.client.sync.job import Job, bound
from ringback.client.sync.transport import Transport
from ringback.client.together import together

if TYPE_CHECKING:
    import httpx2

_SAVED_AT_ONCE = 4
_SAVE_TRIES = 3
_SAVE_BYTES_MAX = 4 * 2**30
_SILENCE_S_MAX = 25.0  # a stream that lives says so every 15 seconds
_POLL_S = 2.0
_POLL_S_MAX = 5.0
_POLL_GROWTH = 1.25
_STREAM_AGAIN_S = 1.0


class Jobs:
    """The jobs of a workspace."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def get(self, job_id: str) -> Job:
        """Return a job as it stands, or raise ``NotFoundError``."""
        return self._call(requests.get(f"/jobs/{part(job_id)}"))

    def list(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        types: Sequence[str] | None = None,
        status: str | None = None,
    ) -> Page[Job]:
        """Return a page of jobs, newest first."""
        params = {"limit": limit, "cursor": cursor, "types": types, "status": status}
        request = requests.get("/jobs", params)
        page = self._transport.call(request, Page[Job])
        for job in page.items:
            bound(job, self)
        return page

    def iter(
        self,
        *,
        types: Sequence[str] | None = None,
        status: str | None = None,
        page_size: int = 100,
    ) -> Iterator[Job]:
        """Yield every job, newest first, page by page as they are needed."""
        cursor = None
        while True:
            page = self.list(limit=page_size, cursor=cursor, types=types, status=status)
            for job in page.items:
                yield job
            if page.next_cursor is None or page.next_cursor == cursor:
                return
            cursor = page.next_cursor

    def cancel(self, job_id: str) -> Job:
        """Cancel a job unless it has ended, and return it as it is then."""
        self._transport.send(requests.send("DELETE", f"/jobs/{part(job_id)}"))
        return self.get(job_id)

    def wait(
        self,
        job_id: str,
        *,
        timeout: float | None = None,
        progress: bool | None = None,
        check: bool = True,
        on_update: Callable[[Job], object] | None = None,
    ) -> Job:
        """Return a job once it has ended.

        Raises ``WaitTimeout`` after so many seconds, and ``JobFailed`` or ``JobCancelled`` for a
        job that ended like that, unless ``check`` is False. ``on_update`` is called with the job
        whenever it has changed. A terminal shows a progress bar, unless ``progress`` is False.
        """
        line = ProgressLine(wanted=progress)
        job = None
        try:
            for job in self.events(job_id, timeout=timeout):
                line.show(job)
                if on_update is not None:
                    on_update(job)
        finally:
            line.end()
        if job is None:
            job = self.get(job_id)
        if not job.is_terminal:
            raise WaitTimeout(job, timeout or 0.0)
        return checked(job) if check else job

    def events(self, job_id: str, *, timeout: float | None = None) -> Generator[Job, None, None]:
        """Yield a job as it stands, then whenever it has changed, until it has ended.

        A server that speaks server-sent events tells by itself; any other is asked every two
        seconds at first and every five after a while. Nothing more comes after the timeout.
        """
        deadline = None if timeout is None else self._transport.clock.monotonic() + timeout
        last: Job | None = None
        with closing(self._told(job_id, deadline)) as told:
            for job in told:
                if job != last:
                    yield job
                last = job
                if job.is_terminal:
                    return

    def save(
        self,
        job: Job,
        directory: str | PathLike[str] = ".",
        *,
        on_progress: Callable[[Saving], object] | None = None,
    ) -> Sequence[Path]:
        """Download a job's results into a directory; see ``job.save``."""
        checked(job)
        folder = Path(directory)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as exc:
            raise SaveFailed(f"{folder} cannot be made: {exc.strerror}.") from exc
        calls = [
            partial(self._save_one, job.job_id, number, url, folder, on_progress)
            for number, url in enumerate(job.urls, 1)
        ]
        return together(calls, at_once=_SAVED_AT_ONCE)

    def content(self, url: str, *, bytes_max: int) -> tuple[bytes, str]:
        """Return a result's bytes and media type, or raise ``SaveFailed``, for a longer one too."""
        import httpx2

        if not url.startswith(("https://", "http://")):
            raise SaveFailed(f"{url[:100]!r} is no address that can be downloaded.")
        found = bytearray()
        try:
            # Without the key: results lie wherever the server says, which may be anybody's.
            with self._transport.http.stream("GET", url, follow_redirects=True) as response:
                if not response.is_success:
                    raise SaveFailed(f"{url} was answered with {response.status_code}.")
                for chunk in response.iter_bytes():
                    found += chunk
                    if len(found) > bytes_max:
                        raise SaveFailed(f"{url} is longer than {bytes_max} bytes.")
        except (httpx2.HTTPError, httpx2.InvalidURL) as exc:
            raise SaveFailed(f"{url} could not be downloaded: {exc}") from exc
        media_type = str(response.headers.get("content-type", ""))
        return bytes(found), media_type.partition(";")[0].strip().lower()

    def _call(self, request: requests.Request) -> Job:
        return bound(self._transport.call(request, Job), self)

    def _told(self, job_id: str, deadline: float | None) -> Generator[Job, None, None]:
        """Yield the job whenever the server tells of it; without streams, whenever it is asked."""
        while True:
            try:
                with closing(self._streamed(job_id, deadline)) as streamed:
                    for job in streamed:
                        yield job
            except ConnectionFailed:
                pass  # the stream is opened again, as long as there is time
            except (_NoStream, RateLimitError):
                break  # there are none, or too many; asking still works
            if not self._rest(_STREAM_AGAIN_S, deadline):
                return
        poll_s = _POLL_S
        while True:
            yield self.get(job_id)
            if not self._rest(poll_s, deadline):
                return
            poll_s = min(poll_s * _POLL_GROWTH, _POLL_S_MAX)

    def _rest(self, seconds: float, deadline: float | None) -> bool:
        """Wait a while, and say whether there is time left."""
        clock = self._transport.clock
        if deadline is not None:
            seconds = min(seconds, deadline - clock.monotonic())
        if seconds > 0:
            clock.sleep(seconds)
        return deadline is None or clock.monotonic() < deadline

    def _streamed(self, job_id: str, deadline: float | None) -> Generator[Job, None, None]:
        clock = self._transport.clock
        left_s = _SILENCE_S_MAX if deadline is None else deadline - clock.monotonic()
        request = requests.Request(
            method="GET",
            path=f"/jobs/{part(job_id)}",
            headers={"accept": "text/event-stream, application/json;q=0.5"},
            timeout_s=max(0.01, min(left_s, _SILENCE_S_MAX)),
        )
        with self._transport.stream(request) as response:
            if "text/event-stream" not in response.headers.get("content-type", ""):
                raise _NoStream
            for line in response.iter_lines():
                if line.startswith("data:"):
                    yield bound(_job_of(line[5:]), self)
                if deadline is not None and clock.monotonic() >= deadline:
                    return

    def _save_one(
        self,
        job_id: str,
        number: int,
        url: str,
        folder: Path,
        on_progress: Callable[[Saving], object] | None,
    ) -> Path:
        retries = 0
        while True:
            try:
                return self._download(job_id, number, url, folder, on_progress)
            except _CutOff as exc:
                retries += 1
                if retries == _SAVE_TRIES:
                    raise SaveFailed(f"{url} could not be downloaded: {exc}") from exc
                self._transport.clock.sleep(retries)

    def _download(
        self,
        job_id: str,
        number: int,
        url: str,
        folder: Path,
        on_progress: Callable[[Saving], object] | None,
    ) -> Path:
        import httpx2

        if not url.startswith(("https://", "http://")):
            raise SaveFailed(f"{url[:100]!r} is no address that can be downloaded.")
        # Without the key: results lie wherever the server says, which may be anybody's.
        stream = self._transport.http.stream("GET", url, follow_redirects=True)
        try:
            with stream as response:
                if response.status_code >= 500:
                    raise _CutOff(f"it was answered with {response.status_code}")
                if not response.is_success:
                    raise SaveFailed(f"{url} was answered with {response.status_code}.")
                kind = response.headers.get("content-type")
                path = folder / file_name(job_id, number, url, kind)
                self._write(response, path, url, on_progress)
                return path
        except (httpx2.HTTPError, httpx2.InvalidURL) as exc:
            raise _CutOff(str(exc) or type(exc).__name__) from exc
        except OSError as exc:
            raise SaveFailed(f"{folder} cannot be written to: {exc.strerror}.") from exc

    def _write(
        self,
        response: httpx2.Response,
        path: Path,
        url: str,
        on_progress: Callable[[Saving], object] | None,
    ) -> None:
        """Write an answer beside the path, and put it there when it is whole."""
        length = response.headers.get("content-length", "")
        bytes_all = int(length) if length.isascii() and length.isdigit() else None
        bytes_done = 0
        handle, part_name = tempfile.mkstemp(prefix=f".{path.stem}-", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                for chunk in response.iter_bytes():
                    bytes_done += len(chunk)
                    _check_length(url, bytes_done)
                    file.write(chunk)
                    if on_progress is not None:
                        on_progress(Saving(url, path, bytes_done, bytes_all))
            os.replace(part_name, path)
        except BaseException:
            with suppress(FileNotFoundError):
                os.unlink(part_name)
            raise


def _check_length(url: str, length: int) -> None:
    if length > _SAVE_BYTES_MAX:
        raise SaveFailed(f"{url} is longer than {_SAVE_BYTES_MAX} bytes.")


class _NoStream(Exception):
    """The server answers with the job alone."""


class _CutOff(Exception):
    """A download broke off; another try may be whole."""


def checked(job: Job) -> Job:
    """Return a job that is well; raises ``JobFailed`` or ``JobCancelled`` for one that is not."""
    if job.status == "failed":
        raise JobFailed(job)
    if job.status == "cancelled":
        raise JobCancelled(job)
    return job


def _job_of(line: str) -> Job:
    try:
        return msgspec.json.decode(line.encode(), type=Job)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as exc:
        raise _NoStream from exc
