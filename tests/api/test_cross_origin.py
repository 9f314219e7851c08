"""Pages of other origins call the API from a browser as far as ``cors_origins`` lets them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ringback.errors import SetupError
from ringback.server.settings_checks import check_addresses
from ringback.settings import Settings
from tests.world import FLUX, a_world

_VITE = "http://localhost:5173"
_APP = "https://app.example"
_PREFLIGHT = {
    "access-control-request-method": "POST",
    "access-control-request-headers": (
        "authorization,content-type,idempotency-key,prefer,x-webhook-url"
    ),
}


@pytest.mark.parametrize(
    ("settings", "origin", "allowed"),
    [
        ({}, _VITE, _VITE),
        ({}, "http://127.0.0.1:3000", "http://127.0.0.1:3000"),
        ({}, "https://[::1]:3000", "https://[::1]:3000"),
        ({}, _APP, None),
        ({}, "http://localhost.evil.example", None),
        ({}, "null", None),
        ({"cors_origins": ()}, _VITE, None),
        ({"profile": "serve"}, _VITE, None),
        ({"profile": "serve", "cors_origins": (_APP,)}, _APP, _APP),
        ({"profile": "serve", "cors_origins": (_APP,)}, f"{_APP}:8443", None),
        ({"profile": "serve", "cors_origins": (_APP,)}, _VITE, None),
        ({"profile": "serve", "cors_origins": ("*",)}, _APP, "*"),
    ],
)
async def test_a_page_is_answered_by_its_origin(
    tmp_path: Path, settings: dict[str, Any], origin: str, allowed: str | None
) -> None:
    async with a_world(tmp_path, **settings) as world, world.client("dev") as client:
        preflight = await client.options(FLUX, headers={"origin": origin, **_PREFLIGHT})
        assert preflight.headers.get("access-control-allow-origin") == allowed
        body = {"prompt": "a fox"}
        sent = await client.post(FLUX, json=body, headers={"origin": origin})
        assert sent.headers.get("access-control-allow-origin") == allowed
        refused = await client.get("/jobs/nothing", headers={"origin": origin, "authorization": ""})
        assert refused.status_code == 401
        assert refused.headers.get("access-control-allow-origin") == allowed
        for answer in (preflight, sent, refused):
            assert "access-control-allow-credentials" not in answer.headers
        if allowed is not None:
            assert preflight.status_code == 200
            listed = preflight.headers["access-control-allow-headers"].lower()
            for name in _PREFLIGHT["access-control-request-headers"].split(","):
                assert name in listed
            assert "location" in sent.headers["access-control-expose-headers"].lower()
            assert "origin" in preflight.headers["vary"].lower()


async def test_the_page_and_its_cookie_answer_no_other_origin(tmp_path: Path) -> None:
    async with a_world(tmp_path, cors_origins=("*",)) as world, world.client("dev") as client:
        for path in ("/ui/jobs", "/ui"):
            headers = {"origin": _APP, **_PREFLIGHT}
            for answer in (
                await client.get(path, headers=headers),
                await client.options(path, headers=headers),
            ):
                assert not any(name.startswith("access-control") for name in answer.headers)


@pytest.mark.parametrize("origin", ["app.example", f"{_APP}/", f"{_APP}/x", "*.example", "null"])
def test_what_is_no_origin_is_refused_at_the_start(origin: str) -> None:
    with pytest.raises(SetupError, match=r"cors_origins has .*, which is no origin"):
        check_addresses(Settings(cors_origins=(_APP, origin)))
