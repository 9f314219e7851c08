"""The same requests through every framework: the same answers, and each webhook once."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import Awaitable, Callable
from typing import Any

import django
import httpx2
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient as AiohttpClient
from aiohttp.test_utils import TestServer as AiohttpServer
from django.conf import settings
from django.test import Client as DjangoClient
from fastapi import FastAPI
from flask import Flask
from starlette.applications import Starlette
from starlette.routing import Route

from ringback.receiver import Receiver, WebhookEvent
from ringback.receiver.adapters import aiohttp as aiohttp_adapter
from ringback.receiver.adapters import aws_lambda, wsgi
from ringback.receiver.adapters import django as django_adapter
from ringback.receiver.adapters import flask as flask_adapter
from ringback.receiver.adapters import starlette as starlette_adapter
from ringback.receiver.adapters.asgi import WebhookApp
from tests.receiver.kit import SECRET, StillClock, a_job, signed

BYTES_MAX = 4_096
Statement = Callable[[str, dict[str, str], bytes], Awaitable[int]]
urlpatterns: list[Any] = []  # Django's, of this very module


def asgi(app: Any) -> Statement:
    async def post(method: str, headers: dict[str, str], body: bytes) -> int:
        transport = httpx2.ASGITransport(app=app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://shop") as client:
            answer = await client.request(method, "/webhook", headers=headers, content=body)
        return answer.status_code

    return post


def through_plain_asgi(receiver: Receiver) -> Statement:
    return asgi(WebhookApp(receiver, bytes_max=BYTES_MAX))


def through_starlette(receiver: Receiver) -> Statement:
    take = starlette_adapter.endpoint(receiver, bytes_max=BYTES_MAX)
    return asgi(Starlette(routes=[Route("/webhook", take, methods=["POST"])]))


def through_fastapi(receiver: Receiver) -> Statement:
    app = FastAPI()
    take = starlette_adapter.endpoint(receiver, bytes_max=BYTES_MAX)
    app.add_route("/webhook", take, methods=["POST"])
    return asgi(app)


def through_plain_wsgi(receiver: Receiver) -> Statement:
    app = wsgi.wsgi_app(receiver, bytes_max=BYTES_MAX)

    def post(method: str, headers: dict[str, str], body: bytes) -> int:
        transport = httpx2.WSGITransport(app=app)
        with httpx2.Client(transport=transport, base_url="http://shop") as client:
            return client.request(method, "/webhook", headers=headers, content=body).status_code

    return lambda *request: asyncio.to_thread(post, *request)


def through_flask(receiver: Receiver) -> Statement:
    app = Flask(__name__)
    app.post("/webhook")(flask_adapter.view(receiver, bytes_max=BYTES_MAX))

    def post(method: str, headers: dict[str, str], body: bytes) -> int:
        return (
            app.test_client()
            .open("/webhook", method=method, headers=headers, data=body)
            .status_code
        )

    return lambda *request: asyncio.to_thread(post, *request)


def through_django(receiver: Receiver) -> Statement:
    if not settings.configured:
        settings.configure(
            ROOT_URLCONF=__name__,
            SECRET_KEY="not a secret",
            ALLOWED_HOSTS=["*"],
            MIDDLEWARE=["django.middleware.csrf.CsrfViewMiddleware"],
        )
        django.setup()
    from django.urls import clear_url_caches, path

    urlpatterns[:] = [path("webhook", django_adapter.view(receiver, bytes_max=BYTES_MAX))]
    clear_url_caches()

    def post(method: str, headers: dict[str, str], body: bytes) -> int:
        client = DjangoClient(enforce_csrf_checks=True)
        answer: Any = client.generic(
            method, "/webhook", body, content_type="application/json", headers=headers
        )
        return int(answer.status_code)

    return lambda *request: asyncio.to_thread(post, *request)


def through_aiohttp(receiver: Receiver) -> Statement:
    async def post(method: str, headers: dict[str, str], body: bytes) -> int:
        app = web.Application()
        app.router.add_post("/webhook", aiohttp_adapter.handler(receiver, bytes_max=BYTES_MAX))
        async with AiohttpClient(AiohttpServer(app)) as client:
            answer = await client.request(method, "/webhook", headers=headers, data=body)
            return answer.status

    return post


def through_lambda(receiver: Receiver, *, base64: bool = False) -> Statement:
    handler = aws_lambda.function(receiver, bytes_max=BYTES_MAX)

    async def post(method: str, headers: dict[str, str], body: bytes) -> int:
        event = {
            "version": "2.0",
            "requestContext": {"http": {"method": method}},
            "headers": headers,
            "body": b64encode(body).decode() if base64 else body.decode(),
            "isBase64Encoded": base64,
        }
        return int((await asyncio.to_thread(handler, event, None))["statusCode"])

    return post


WAYS: dict[str, Callable[[Receiver], Statement]] = {
    "asgi": through_plain_asgi,
    "starlette": through_starlette,
    "fastapi": through_fastapi,
    "wsgi": through_plain_wsgi,
    "flask": through_flask,
    "django": through_django,
    "aiohttp": through_aiohttp,
    "lambda": through_lambda,
    "lambda-base64": lambda receiver: through_lambda(receiver, base64=True),
}


@pytest.mark.parametrize("way", WAYS)
async def test_every_framework_brings_the_receiver_the_same(way: str) -> None:
    receiver = Receiver(SECRET, clock=StillClock(), expected=lambda job_id: job_id == "job-1")
    receiver.handle_before_answering()
    seen: list[str] = []

    @receiver.on("job.completed")
    def fulfil(event: WebhookEvent) -> None:
        seen.append(event.webhook_id)

    post = WAYS[way](receiver)
    body = a_job(note="é" * 5)
    assert await post("POST", signed(body), body) == 204
    assert await post("POST", signed(body), body) == 204
    assert await post("POST", signed(body), body + b" ") == 400
    assert await post("POST", {}, body) == 400
    unknown = a_job("job-2")
    assert await post("POST", signed(unknown), unknown) == 404
    long = a_job(note="x" * BYTES_MAX)
    assert await post("POST", signed(long), long) == 413
    assert await post("GET", signed(body), b"") == 405
    await asyncio.to_thread(receiver.run_due)
    assert seen == ["delivery-1"]


async def test_an_application_of_its_own_works_for_as_long_as_it_lives() -> None:
    receiver = Receiver(SECRET, tolerance=10**9)
    called = asyncio.Event()

    @receiver.on("job.completed")
    async def fulfil(_event: WebhookEvent) -> None:
        called.set()

    app = WebhookApp(receiver)
    events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    sent: asyncio.Queue[Any] = asyncio.Queue()
    await events.put({"type": "lifespan.startup"})
    living = asyncio.create_task(app({"type": "lifespan"}, events.get, sent.put))
    assert (await sent.get())["type"] == "lifespan.startup.complete"
    body = a_job()
    assert await asgi(app)("POST", signed(body), body) == 204
    async with asyncio.timeout(10):
        await called.wait()
    await events.put({"type": "lifespan.shutdown"})
    await living
    assert (await sent.get())["type"] == "lifespan.shutdown.complete"
