"""What well-behaved tenants do again and again on the server that they share with another."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from itertools import count

from bench.load import a_request, a_submission, exchange
from bench.misbehaviour import HEALTHY_DOMAIN, HealthyReceiver

PICTURES = "/generate/image/bfl/flux-1-dev"
_BOUNDARY = "6f1d0c2a"


@dataclass(frozen=True, kw_only=True)
class World:
    """A server, and what its tenants can reach."""

    host: str
    port: int
    receiver: HealthyReceiver
    files: dict[str, bytes]  # what the receiver serves, by path
    has_names: bool  # whether names under HEALTHY_DOMAIN resolve
    jobs_count: int  # how many jobs mallory submits at once
    numbers: count[int] = field(default_factory=count)

    def url(self, path: str, *, who: str = "alice") -> str:
        """Return a URL of the healthy receiver: bob's by name, the others' by address."""
        by_name = self.has_names and who == "bob"
        host = f"{who}.{HEALTHY_DOMAIN}" if by_name else "127.0.0.1"
        return f"http://{host}:{self.receiver.port}{path}"

    def webhook_path(self, who: str) -> str:
        """Return a path of the healthy receiver that no other webhook has."""
        return f"/{who}/{next(self.numbers)}"

    def null_job(self, who: str, webhook_url: str) -> bytes:
        """Return the submission of a job that does nothing but call back."""
        return a_submission(self.host, self.port, webhook_url=webhook_url, token=who)

    def picture_job(self, who: str, webhook_url: str | None, *, of: str | None = None) -> bytes:
        """Return the submission of a picture, drawn over another if given."""
        inputs = {"prompt": "a fox", "width": 512, "height": 512, "image_url": of}
        body = json.dumps(inputs).encode()
        return a_request(self.host, self.port, PICTURES, body, token=who, webhook_url=webhook_url)

    def upload(self, who: str, file: bytes) -> bytes:
        """Return the upload of a file in a form."""
        head = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
        body = head.encode() + file + f"\r\n--{_BOUNDARY}--\r\n".encode()
        kind = f"multipart/form-data; boundary={_BOUNDARY}"
        return a_request(self.host, self.port, "/assets", body, token=who, content_type=kind)

    def asset(self, who: str, url: str) -> bytes:
        """Return the request to take a file in from a URL."""
        body = json.dumps({"url": url}).encode()
        return a_request(self.host, self.port, "/assets", body, token=who)

    async def send(self, request: bytes) -> None:
        """Send a request and return once it is answered 200; or ``RuntimeError``."""
        status = await exchange(self.host, self.port, request)
        if status != 200:
            raise RuntimeError(f"answered {status}")


Neighbour = Callable[[World, str], Awaitable[None]]
"""Does a tenant's thing once and returns when it is done."""


async def webhook(world: World, who: str) -> None:
    """Submit a job and receive its webhook."""
    path = world.webhook_path(who)
    arrival = world.receiver.awaited(path)
    await world.send(world.null_job(who, world.url(path, who=who)))
    await arrival


async def upload(world: World, who: str) -> None:
    """Upload a small picture."""
    await world.send(world.upload(who, world.files["/small.png"]))


async def asset_by_url(world: World, who: str) -> None:
    """Have a small picture fetched from a healthy server."""
    await world.send(world.asset(who, world.url("/small.png", who=who)))


async def picture(world: World, who: str) -> None:
    """Have a picture drawn, and receive its webhook."""
    await _drawn(world, who, of=None)


async def picture_of_picture(world: World, who: str) -> None:
    """Have a picture drawn over another, and receive its webhook."""
    await _drawn(world, who, of=world.url("/small.png", who=who))


async def _drawn(world: World, who: str, *, of: str | None) -> None:
    path = world.webhook_path(who)
    arrival = world.receiver.awaited(path)
    await world.send(world.picture_job(who, world.url(path, who=who), of=of))
    status = json.loads(await arrival)["status"]
    if status != "completed":
        raise RuntimeError(f"the picture {status}")
