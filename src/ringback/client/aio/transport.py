"""One server's connection pool: requests out, whole answers back, again where that is safe."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeVar

from ringback.client.answers import Answer, read, refusal
from ringback.client.clock import AsyncClock
from ringback.client.config import Config, is_loopback
from ringback.client.errors import ApiError, ConnectionFailed, ServerError
from ringback.client.requests import Request
from ringback.client.retrying import Retrying

if TYPE_CHECKING:
    import httpx2

T = TypeVar("T")

_ANSWER_BYTES_MAX = 64 * 2**20


class AsyncTransport:
    """Sends requests to one server, with its key, over pooled connections."""

    def __init__(
        self,
        config: Config,
        *,
        timeout_s: float,
        retrying: Retrying,
        clock: AsyncClock,
        http_transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        # Imported late: it takes longer than all the rest of this library.
        import httpx2

        self.config = config
        self.clock = clock
        self._timeout_s = timeout_s
        self._retrying = retrying
        self.http = httpx2.AsyncClient(
            transport=http_transport,
            timeout=timeout_s,
            headers={"user-agent": "ringback-client", "accept-encoding": "identity"},
            # A proxy of the environment has no business between here and this very machine.
            trust_env=not is_loopback(config.base_url),
        )
        self._no_answer: type[Exception] = httpx2.TransportError
        self._no_connection = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)

    async def close(self) -> None:
        """Close every connection."""
        await self.http.aclose()

    async def call(self, request: Request, kind: type[T]) -> T:
        """Return the document that a request is answered with; raises ``ClientError``."""
        return read(await self.send(request), kind)

    async def send(self, request: Request) -> Answer:
        """Return the good answer to a request, sent again where that is safe and may help.

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
        """Hold a request's answer open; raises ``ApiError`` when it is not good."""
        try:
            async with self.http.stream(
                request.method,
                self.config.base_url + request.path,
                params=dict(request.params) or None,
                headers={**self._key, **request.headers},
                timeout=request.timeout_s or self._timeout_s,
            ) as response:
                if not response.is_success:
                    raise refusal(await self._whole(response))
                yield response
        except self._no_answer as exc:
            raise self._unanswered(exc) from exc

    async def _once(self, request: Request) -> Answer:
        async with self.http.stream(
            request.method,
            self.config.base_url + request.path,
            params=dict(request.params) or None,
            headers={**self._key, **request.headers},
            content=request.content,
            timeout=request.timeout_s or self._timeout_s,
        ) as response:
            return await self._whole(response)

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

    @property
    def _key(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.config.api_key}"}

    def _wait_s(self, refused: ApiError, retries: int) -> float | None:
        return self._retrying.wait_s(
            retries, status=refused.status, code=refused.code, retry_after=refused.retry_after
        )

    def _unanswered(self, exc: Exception) -> ConnectionFailed:
        what = str(exc) or type(exc).__name__
        failed = ConnectionFailed(f"{self.config.base_url} did not answer ({what}).")
        failed.__cause__ = exc
        return failed
