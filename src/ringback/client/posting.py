"""Posts a delivery to a program on this machine, and returns its answer."""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from collections.abc import Iterable, Sequence
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from ringback.client.clock import AsyncClock
from ringback.client.models import HandedDelivery, LocalAnswer
from ringback.client.network import environment_read, http_options

if TYPE_CHECKING:
    import httpx2

_READ_BYTES_MAX = 65_536
_KEPT_BYTES_MAX = 16_384
_HEADERS_MAX = 100
_HEADERS_LENGTH_MAX = 8_192
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+")
_UNPRINTABLE = re.compile(r"[^\t\x20-\x7e\x80-\xff]")


class Poster:
    """Posts to one URL: one total deadline, no redirect followed, a capped answer."""

    def __init__(
        self,
        url: str,
        *,
        clock: AsyncClock,
        ca_file: str | Path | None = None,
        verifies: bool = True,
    ) -> None:
        """Prepare to post to the URL; raises ``ConfigurationError``.

        ``verifies=False`` takes any certificate of a receiver on this machine.
        """
        # Imported late: it takes longer than the rest of this library.
        import httpx2

        self._url = url
        self._clock = clock
        options = http_options(url, ca_file=ca_file, verifies=verifies)
        with environment_read():
            self._http = httpx2.AsyncClient(
                timeout=None,  # one deadline covers the whole request
                # The program may restart at any time, so no connection is kept alive.
                limits=httpx2.Limits(max_connections=None, max_keepalive_connections=0),
                **options,
            )
        # The receiver gets exactly the server's headers: no defaults of this client, no cookies.
        self._http.headers.clear()
        self._http.headers["accept-encoding"] = "identity"
        self._http.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=()))
        self._failures = (httpx2.HTTPError, httpx2.StreamError, OSError)
        self._no_connection = httpx2.ConnectError

    async def close(self) -> None:
        """Close every connection."""
        await self._http.aclose()

    async def post(self, delivery: HandedDelivery) -> LocalAnswer:
        """Post a delivery and return the answer; network errors become its ``reason``."""
        copies = [self._post_once(delivery) for _ in range(max(1, min(delivery.copies, 2)))]
        if delivery.at_once:
            return worst(await asyncio.gather(*copies))
        return worst([await copy for copy in copies])

    async def _post_once(self, delivery: HandedDelivery) -> LocalAnswer:
        began = self._clock.monotonic()
        answer = LocalAnswer()
        try:
            async with asyncio.timeout(delivery.timeout_s):
                async with self._http.stream(
                    "POST", self._url, content=delivery.content, headers=list(delivery.headers)
                ) as response:
                    answer = self._begin_answer(response, began)
                    async for chunk in response.aiter_raw():
                        answer = _longer(answer, chunk)
                        if answer.truncated and self._is_enough(response):
                            break
        except TimeoutError:
            answer = replace(answer, reason="timeout", detail="no whole answer came in time")
        except self._failures as exc:
            reason = self._reason(exc)
            answer = replace(answer, reason=reason, detail=str(exc) or type(exc).__name__)
        return replace(answer, duration_ms=(self._clock.monotonic() - began) * 1000)

    def _begin_answer(self, response: httpx2.Response, began: float) -> LocalAnswer:
        return LocalAnswer(
            status_code=response.status_code,
            reason=_reason_of(response.status_code),
            headers=tuple(shown_headers(response.headers.multi_items())),
            first_byte_ms=(self._clock.monotonic() - began) * 1000,
        )

    def _is_enough(self, response: httpx2.Response) -> bool:
        return response.num_bytes_downloaded > _READ_BYTES_MAX

    def _reason(self, exc: Exception) -> str:
        if not isinstance(exc, self._no_connection):
            return "protocol"
        causes = list(_causes(exc))
        if any(isinstance(cause, ssl.SSLError) for cause in causes):
            return "tls"
        return "dns" if any(isinstance(cause, socket.gaierror) for cause in causes) else "connect"


def worst(answers: Sequence[LocalAnswer]) -> LocalAnswer:
    """Return the first answer that does not deliver, or the last."""
    return next((answer for answer in answers if not answer.is_good), answers[-1])


def shown_headers(headers: Iterable[tuple[str, str]]) -> Iterable[tuple[str, str]]:
    """Yield the first headers of an answer, limited and printable for the log."""
    length = 0
    for number, (name, value) in enumerate(headers):
        name, value = name.lower(), _UNPRINTABLE.sub("?", value)
        length += len(name) + len(value)
        if number >= _HEADERS_MAX or length > _HEADERS_LENGTH_MAX:
            return
        if _NAME.fullmatch(name):
            yield name, value


def _longer(answer: LocalAnswer, chunk: bytes) -> LocalAnswer:
    body = answer.body + chunk[: _KEPT_BYTES_MAX - len(answer.body)]
    truncated = answer.truncated or len(answer.body) + len(chunk) > _KEPT_BYTES_MAX
    return replace(answer, body=body, truncated=truncated)


def _reason_of(status_code: int) -> str | None:
    if 200 <= status_code < 300:
        return None
    return "redirect" if 300 <= status_code < 400 else "status"


def _causes(exc: BaseException | None) -> Iterable[BaseException]:
    while exc is not None:
        yield exc
        exc = exc.__cause__ or exc.__context__
