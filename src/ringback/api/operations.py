"""Tables of operations: one entry gives both the route and the part of the API's description."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any, Literal, TypeVar

from msgspec import Struct, field
from starlette.routing import Route
from starlette.types import ASGIApp, Scope

from ringback.http.auth import Authenticator
from ringback.http.json_bodies import JsonBody
from ringback.http.methods import RequestHandler, Resource, authenticated
from ringback.http.schemas import Schema

Handler = TypeVar("Handler", bound=Callable[..., Awaitable[ASGIApp]])
Access = Literal["public", "workspace", "principal"]


class Parameter(Struct, frozen=True, kw_only=True):
    """A parameter in the query or the path: its name, its meaning and its JSON Schema."""

    name: str
    description: str
    schema: Schema = field(default_factory=lambda: {"type": "string"})


class Response(Struct, frozen=True, kw_only=True):
    """A successful response of an operation.

    ``content`` has a type for each media type; the type stands for its JSON Schema.
    """

    description: str
    content: Mapping[str, Any]
    status: int = 200


class Operation(Struct, frozen=True, kw_only=True):
    """One operation: its request, its responses and its errors.

    The statuses in ``errors`` have the description that all operations share, those in
    ``refusals`` have their own. ``error_statuses`` adds those that follow from the other members.
    """

    method: str
    path: str
    name: str
    tag: str
    summary: str
    responses: Sequence[Response]
    access: Access
    description: str | None = None
    query: Sequence[Parameter] = ()
    headers: Sequence[str] = ()
    body: JsonBody[Any] | None = None
    form: Any = None
    errors: Sequence[int] = ()
    refusals: Mapping[int, str] = {}

    @property
    def error_statuses(self) -> list[int]:
        """Return the statuses of the errors that the operation shares with others."""
        statuses = {403, *self.errors}
        if self.access != "public":
            statuses |= {401, 429}  # a wrong token is 401, too many of them are 429
        if self.query or self.body is not None:
            statuses.add(400)
        if self.body is not None:
            statuses |= {408, 413, 415}
        if self.method != "GET":
            statuses.add(507)
        return sorted(statuses - self.refusals.keys())


class OperationTable:
    """The operations of one kind of object, in their order."""

    def __init__(
        self,
        tag: str,
        *,
        access: Access = "workspace",
        path_parameters: Sequence[Parameter] = (),
    ) -> None:
        self.path_parameters = {one.name: one for one in path_parameters}
        self._tag = tag
        self._access = access
        self._operations: list[tuple[Operation, str]] = []

    def __iter__(self) -> Iterator[Operation]:
        return (operation for operation, _ in self._operations)

    def __call__(
        self,
        method_and_path: str,
        summary: str,
        content: Any,
        *,
        status: int = 200,
        answer: str | None = None,
        also: Sequence[Response] = (),
        name: str | None = None,
        description: str | None = None,
        access: Access | None = None,
        stream: bool = False,
        **more: Any,
    ) -> Callable[[Handler], Handler]:
        """Return a decorator that adds an operation to the table; the decorated method serves it.

        ``content`` is the type of the JSON response and ``answer`` its description; with ``stream``
        the response may also be server-sent events. ``also`` has further successful responses.
        The defaults are the table's ``access``, the method's name as ``name`` and the first
        paragraph of the method's docstring as ``description``.
        """
        method, path = method_and_path.split(" ")

        def add(handler: Handler) -> Handler:
            operation = Operation(
                method=method,
                path=path,
                name=name or handler.__name__,
                tag=self._tag,
                summary=summary,
                responses=(
                    Response(
                        description=answer or summary,
                        content={
                            **({} if content is None else {"application/json": content}),
                            **({"text/event-stream": str} if stream else {}),
                        },
                        status=status,
                    ),
                    *also,
                ),
                access=access or self._access,
                description=description or (handler.__doc__ or "").partition("\n\n")[0],
                **more,
            )
            self._operations.append((operation, handler.__name__))
            return handler

        return add

    def routes(self, handlers: object, authenticator: Authenticator) -> list[Route]:
        """Return the routes of the operations, which this object's methods serve."""
        credentials: Mapping[Access, Callable[[Scope], Awaitable[Any]]] = {
            "workspace": authenticator.workspace_of,
            "principal": authenticator.authenticate,
        }
        paths: dict[str, dict[str, RequestHandler]] = {}
        for operation, attribute in self._operations:
            handler = getattr(handlers, attribute)
            if operation.access != "public":
                handler = authenticated(credentials[operation.access], handler)
            paths.setdefault(operation.path, {})[operation.method] = handler
        return [Route(path, Resource(**methods)) for path, methods in paths.items()]
