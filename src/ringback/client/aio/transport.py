"""The connection pool to one server; it sends requests and retries them where that is safe."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from ringback.client.answers import Answer, read, refusal
from ringback.client.clock import AsyncClock
from ringback.client.config import Config
from ringback.client.errors import ApiError, ConnectionFailed, ServerError
from ringback.client.network import environment_read, http_options
from ringback.client.requests import Request
from ringback.client.retrying import Retrying

if TYPE_CHECKING:
    import httpx2

T = TypeVar("T")

_ANSWER_BYTES_MAX = 64 * 2**20


class AsyncTransport:
    """Sends requests to one server, with the API key, over pooled connections."""

    def __init__(
        self,
        config: Config,
        *,
        timeout_s: float,
        retrying: Retrying,
        clock: AsyncClock,
        http_transport: httpx2.AsyncBaseTransport | None = None,
        ca_file: str | Path | None = None,
    ) -> None:
        # Imported late: it takes longer than the rest of this library.
        import httpx2

        self.config = config
        self.clock = clock
        self._timeout_s = timeout_s
        self._retrying = retrying
        options = http_options(config.base_url, ca_file=ca_file)
        with environment_read():
            self.http = httpx2.AsyncClient(
                transport=http_transport,
                timeout=timeout_s,
                headers={"user-agent": "ringback-client", "accept-encoding": "identity"},
                **options,
            )
        self._no_answer: type[Exception] = httpx2.TransportError
        self._no_connection = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)

    async def close(self) -> None:
        """Close every connection."""
        await self.http.aclose()

    async def call(self, request: Request, kind: type[T]) -> T:
        """Send a request and return the decoded answer; raises ``ClientError``."""
        return read(await self.send(request), kind)

    async def send(self, request: Request) -> Answer:
        """Send a request, retrying where that is safe and may help; return the 2xx answer.

        Raises ``ApiError`` or ``ConnectionFailed``.
        """
        retries = 0
        while True:
            failure: Exception
            try:
                answer = await self._once(request)
            except self._no_answer as exc:
                failure = self._unanswered(exc)
                may_repeat = request.repeatable or isinstance(exc, self._no_connection)
                wait_s = self._retrying.wait_s(retries, status=None) if may_repeat else None
            else:
                if answer.is_good:
                    return answer
                refused = failure = refusal(answer)
                wait_s = self._wait_s(refused, retries) if request.repeatable else None
            if wait_s is None:
                raise failure
            await self.clock.sleep(wait_s)
            retries += 1

    @asynccontextmanager
    async def stream(self, request: Request) -> AsyncIterator[httpx2.Response]:
        """Open a streamed answer; raises ``ApiError`` for any status but 2xx."""
        try:
            async with self._open(request) as response:
                if not response.is_success:
                    raise refusal(await self._whole(response))
                yield response
        except self._no_answer as exc:
            raise self._unanswered(exc) from exc

    async def _once(self, request: Request) -> Answer:
        async with self._open(request) as response:
            return await self._whole(response)

    def _open(self, request: Request) -> AbstractAsyncContextManager[httpx2.Response]:
        timeout_s = request.timeout_s or self._timeout_s
        return self.http.stream(
            request.method,
            self.config.base_url + request.path,
            params=dict(request.params) or None,
            headers={"authorization": f"Bearer {self.config.api_key}", **request.headers},
            content=request.content,
            timeout=(timeout_s, request.answer_s(self._timeout_s), timeout_s, timeout_s),
        )

    async def _whole(self, response: httpx2.Response) -> Answer:
        body = bytearray()
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > _ANSWER_BYTES_MAX:
                raise ServerError(
                    f"The answer is longer than {_ANSWER_BYTES_MAX} bytes.",
                    status=response.status_code,
                )
        return Answer(response.status_code, dict(response.headers), bytes(body), self.clock.now_s())

    def _wait_s(self, refused: ApiError, retries: int) -> float | None:
        return self._retrying.wait_s(
            retries, status=refused.status, code=refused.code, retry_after=refused.retry_after
        )

    def _unanswered(self, exc: Exception) -> ConnectionFailed:
        reason = str(exc) or type(exc).__name__
        failed = ConnectionFailed(f"{self.config.base_url} did not answer ({reason}).")
        failed.__cause__ = exc
        return failed
