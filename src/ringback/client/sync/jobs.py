# Generated from ../aio/jobs.py by tools/unasync.py: change that, and run make fmt.
"""``client.jobs`` reads jobs, waits for them, cancels them and downloads their results."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from functools import partial
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urljoin

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
from ringback.client.saving import Saving, file_name, save_data
from ringback.client.sync.job import Job, bound
from ringback.client.sync.transport import Transport
from ringback.client.together import together
from ringback.wire.base64_text import is_data_url
from ringback.wire.names import StatusName

if TYPE_CHECKING:
    import httpx2

_SAVED_AT_ONCE = 4
_SAVE_TRIES = 3
_SAVE_BYTES_MAX = 4 * 2**30
_SILENCE_S_MAX = 25.0  # the server sends something every 15 seconds
_POLL_S = 2.0
_POLL_S_MAX = 5.0
_POLL_GROWTH = 1.25
_STREAM_AGAIN_S = 1.0


class Jobs:
    """The jobs of a workspace."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def get(self, job_id: str) -> Job:
        """Return a job's present state, or raise ``NotFoundError``."""
        return self._call(requests.get(f"/jobs/{part(job_id)}"))

    def list(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        types: Sequence[str] | None = None,
        status: StatusName | None = None,
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
        status: StatusName | None = None,
        page_size: int = 100,
    ) -> Iterator[Job]:
        """Yield every job, newest first; pages are loaded as they are needed."""
        cursor = None
        while True:
            page = self.list(limit=page_size, cursor=cursor, types=types, status=status)
            for job in page.items:
                yield job
            if page.next_cursor is None or page.next_cursor == cursor:
                return
            cursor = page.next_cursor

    def cancel(self, job_id: str) -> Job:
        """Cancel a job unless it has ended, and return its new state."""
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
        """Wait until a job has ended, and return it.

        Raises ``WaitTimeout`` after ``timeout`` seconds, and ``JobFailed`` or ``JobCancelled``
        for a job without results, unless ``check`` is False. ``on_update`` is called with the job
        at every change. A terminal shows a progress bar, unless ``progress`` is False.
        """
        line = ProgressLine(enabled=progress)
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
        """Yield a job's present state, then each change, until it has ended or the timeout.

        Changes come as server-sent events; a server without them is polled every two seconds at
        first and every five later.
        """
        deadline = None if timeout is None else self._transport.clock.monotonic() + timeout
        last: Job | None = None
        with closing(self._updates(job_id, deadline)) as updates:
            for job in updates:
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
        """Return a result's bytes and media type; raises ``SaveFailed``, also when it is longer."""
        found = bytearray()
        try:
            with self._result(url) as response:
                for chunk in response.iter_bytes():
                    found += chunk
                    _check_length(url, len(found), bytes_max)
        except _CutOff as exc:
            raise SaveFailed(f"{url} could not be downloaded: {exc}") from exc
        media_type = str(response.headers.get("content-type", ""))
        return bytes(found), media_type.partition(";")[0].strip().lower()

    def _call(self, request: requests.Request) -> Job:
        return bound(self._transport.call(request, Job), self)

    def _updates(self, job_id: str, deadline: float | None) -> Generator[Job, None, None]:
        """Yield the job from the server's event streams, or by polling where there are none."""
        while True:
            try:
                with closing(self._streamed(job_id, deadline)) as streamed:
                    for job in streamed:
                        yield job
            except ConnectionFailed:
                pass  # the stream is opened again until the deadline
            except (_NoStream, RateLimitError):
                break  # no streams, or too many: polling still works
            if not self._rest(_STREAM_AGAIN_S, deadline):
                return
        poll_s = _POLL_S
        while True:
            yield self.get(job_id)
            if not self._rest(poll_s, deadline):
                return
            poll_s = min(poll_s * _POLL_GROWTH, _POLL_S_MAX)

    def _rest(self, seconds: float, deadline: float | None) -> bool:
        """Sleep, at most until the deadline, and say whether there is time left."""
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
        try:
            if is_data_url(url):
                return save_data(url, folder, job_id, number)
            with self._result(url) as response:
                kind = response.headers.get("content-type")
                path = folder / file_name(job_id, number, url, kind)
                self._write(response, path, url, on_progress)
                return path
        except OSError as exc:
            raise SaveFailed(f"{folder} cannot be written to: {exc.strerror}.") from exc

    @contextmanager
    def _result(self, url: str) -> Iterator[httpx2.Response]:
        """Open a result; raises ``SaveFailed``, or ``_CutOff`` where another try may succeed."""
        import httpx2

        url = urljoin(f"{self._transport.config.base_url}/", url)
        if not url.startswith(("https://", "http://")):
            raise SaveFailed(f"{url[:100]!r} is no address that can be downloaded.")
        try:
            # Without the key: the URL may lead to another server.
            with self._transport.http.stream("GET", url, follow_redirects=True) as response:
                if response.status_code >= 500:
                    raise _CutOff(f"it was answered with {response.status_code}")
                if not response.is_success:
                    raise SaveFailed(f"{url} was answered with {response.status_code}.")
                yield response
        except (httpx2.HTTPError, httpx2.InvalidURL) as exc:
            raise _CutOff(str(exc) or type(exc).__name__) from exc

    def _write(
        self,
        response: httpx2.Response,
        path: Path,
        url: str,
        on_progress: Callable[[Saving], object] | None,
    ) -> None:
        """Write an answer to a temporary file, and rename it to the path when it is complete."""
        length = response.headers.get("content-length", "")
        bytes_all = int(length) if length.isascii() and length.isdigit() else None
        bytes_done = 0
        part_name = path.parent / f".{path.stem}-{secrets.token_hex(8)}"
        # Not of tempfile, whose files nobody else may read: the umask decides, as for any file.
        try:
            with open(part_name, "xb") as file:
                for chunk in response.iter_bytes():
                    bytes_done += len(chunk)
                    _check_length(url, bytes_done, _SAVE_BYTES_MAX)
                    file.write(chunk)
                    if on_progress is not None:
                        on_progress(Saving(url, path, bytes_done, bytes_all))
            os.replace(part_name, path)
        except BaseException:
            with suppress(FileNotFoundError):
                os.unlink(part_name)
            raise


def _check_length(url: str, length: int, bytes_max: int) -> None:
    if length > bytes_max:
        raise SaveFailed(f"{url} is longer than {bytes_max} bytes.")


class _NoStream(Exception):
    """The server answered with the job instead of a stream."""


class _CutOff(Exception):
    """A download was interrupted; another try may succeed."""


def checked(job: Job) -> Job:
    """Return the job, or raise ``JobFailed`` or ``JobCancelled``."""
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
