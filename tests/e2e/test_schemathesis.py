"""Hostile requests made from the API's description, ours and the contract's, on a real server.

``make fuzz EXAMPLES=100`` tries more of them.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

import ringback
from ringback.api.openapi import document as openapi
from ringback.catalogue.catalogue import Catalogue
from tests.e2e.harness import LiveServer

EXAMPLES = int(os.environ.get("EXAMPLES", "5"))
CONTRACT = os.environ.get("RINGBACK_CONTRACT_DIR")
RIVAL = "rival"
MARK = "only-the-rivals"  # in everything that it writes
PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGP4z8DwHwAFAAH/"
    "q842iQAAAABJRU5ErkJggg=="
)
LISTS = (
    "/jobs",
    "/assets",
    "/styles",
    "/deliveries",
    "/webhooks/endpoints",
    "/events",
    "/node-apps",
)
_IDS = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
OURS = openapi.describe(Catalogue.load(), version=ringback.__version__, public_url=None)

# What is asked of every answer. Who may see what is tested in tests/api: dev mode opens a
# workspace to any token, so that a missing one is the only refusal that could be tried here.
CHECKS = [
    not_a_server_error,
    response_schema_conformance,
    content_type_conformance,
    status_code_conformance,
]
# The contract's snapshot describes five answers; that we give more kinds is no break of it.
CONTRACT_CHECKS = [check for check in CHECKS if check.__name__ != "status_code_conformance"]


def contract(folder: Path) -> dict[str, Any]:
    """Return the contract's operations, as far as our own description has them."""
    document: dict[str, Any] = json.loads((folder / "krea-openapi.json").read_text())
    served = {_nameless(path): operations.keys() for path, operations in OURS["paths"].items()}
    document["paths"] = {
        path: kept
        for path, operations in document["paths"].items()
        if (kept := _kept(operations, served.get(_nameless(path), ())))
    }
    return document


def _nameless(path: str) -> str:
    return re.sub(r"\{[^}]+\}", "{}", path)


def _kept(operations: dict[str, Any], served: Collection[str]) -> dict[str, Any]:
    return {name: one for name, one in operations.items() if name in served}


ours = schemathesis.openapi.from_dict(OURS)
ours.config.generation.update(modes=list(GenerationMode))

trying = settings(
    max_examples=EXAMPLES,
    suppress_health_check=list(HealthCheck),
    derandomize=True,
)


class Rival:
    """Another workspace: everything of it that an answer to us must never have in it."""

    def __init__(self, url: str) -> None:
        headers = {"authorization": f"Bearer {RIVAL}"}
        self.client = httpx2.Client(base_url=url, headers=headers, timeout=90)
        self.ids: set[str] = set()

    def furnish(self) -> None:
        """Make one of each thing that a workspace can have, and remember their ids."""
        receiver_url = {"url": f"https://{MARK}.example/hook"}
        self._made(self.client.post("/webhooks/endpoints", json=receiver_url))
        asset = {"url": PIXEL, "description": MARK}
        self._made(self.client.post("/assets", json=asset))
        job = {"prompt": f"{MARK} fox"}
        headers = {"x-webhook-url": f"https://{MARK}.example/job", "prefer": "wait=60"}
        self._made(self.client.post("/generate/image/ringback/null", json=job, headers=headers))
        training = {"name": MARK, "urls": [PIXEL]}
        trained = self.client.post("/styles/train", json=training, headers=headers)
        assert trained.json()["status"] == "completed", trained.text
        self._made(trained)
        redelivery = {"destination": f"https://{MARK}.example:443"}
        self._made(self.client.post("/deliveries/redeliver", json=redelivery))
        step = {"model": "image/ringback/null", "input": {"prompt": MARK}}
        app = {"name": MARK, "steps": {"one": step}, "outputs": {"one": {"from": "one.url"}}}
        self._made(self.client.post("/node-apps", json=app))
        (run,) = self.client.post(f"/node-apps/{MARK}/execute", json={}).json()
        # Nothing of it is to change by itself while others look for it.
        ended = self.client.get(f"/jobs/{run['job_id']}", params={"wait": 20})
        assert ended.json()["status"] == "completed"
        for path in LISTS:
            found = self.client.get(path)
            assert found.status_code == 200, path
            assert found.json()["items"], path
            self._made(found)

    def things(self) -> list[str]:
        """Return what it has and nobody else may change."""
        return [self.client.get(path).text for path in ("/jobs", "/assets", "/styles")]

    def _made(self, answer: httpx2.Response) -> None:
        assert answer.is_success, answer.text
        self.ids |= set(_IDS.findall(answer.text))

    def check(self, *, sent: str, answered: str) -> None:
        """Raise when an answer has anything of it that was not in the question."""
        leaked = [one for one in (*self.ids, MARK) if one in answered and one not in sent]
        assert leaked == []


@pytest.fixture(scope="module")
def rival(live: LiveServer) -> Iterator[Rival]:
    rival = Rival(live.url)
    rival.furnish()
    yield rival
    rival.client.close()


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """An emulator that many submissions do not fill, nor keep busy with drawing."""
    folder = tmp_path_factory.mktemp("fuzz")
    config = folder / "ringback.toml"
    drawn = "".join(
        f'"{kind}/*" = "null"\n' for kind in ("image", "video", "enhance", "3d", "export")
    )
    config.write_text(f"backlog_max = 1000000\n[engines]\n{drawn}")
    server = LiveServer(folder / "data", environment={"RINGBACK_CONFIG": str(config)})
    with server:
        yield server


def send_case(
    live: LiveServer, rival: Rival, case: schemathesis.Case[Any], checks: list[Any]
) -> None:
    # Waiting for pictures is not what is tried here, and would take a minute each.
    case.headers.pop("Prefer", None)
    case.query.pop("wait", None)
    case.headers["Authorization"] = "Bearer fuzz"
    answer = case.call_and_validate(base_url=live.url, checks=checks)
    sent = answer.request
    parts = (sent.url, *map(str, sent.headers.values()), _text(sent.body))
    rival.check(sent="\n".join(map(str, parts)), answered=_text(answer.content))


def _text(body: object) -> str:
    return body.decode("utf-8", "replace") if isinstance(body, bytes) else str(body or "")


PRIVATE = [
    (method, path)
    for path, operations in OURS["paths"].items()
    for method in operations
    if "{" in path and method in ("get", "post", "put", "patch", "delete")
]


@pytest.mark.timeout(120)
@pytest.mark.parametrize(("method", "path"), PRIVATE)
def test_what_is_anothers_is_found_by_no_route_and_changed_by_none(
    live: LiveServer, rival: Rival, method: str, path: str
) -> None:
    before = rival.things()
    # A workspace of its own: it may give things of its own the names that it looks for.
    with httpx2.Client(base_url=live.url, headers={"authorization": "Bearer seeker"}) as client:
        for id_ in sorted(rival.ids):
            target = re.sub(r"\{[^}]+\}", id_, path)
            answer = client.request(method.upper(), target, json={})
            # A listener's name is the choice of the client that opens it.
            least = 200 if path.startswith("/webhooks/listeners") else 400
            assert least <= answer.status_code < 500, (target, answer.text)
            rival.check(sent=target, answered=answer.text)
    assert rival.things() == before


@pytest.mark.timeout(600)
@ours.parametrize()
@trying
def test_no_request_breaks_our_own_description(
    live: LiveServer, rival: Rival, case: schemathesis.Case[Any]
) -> None:
    send_case(live, rival, case, CHECKS)


if CONTRACT is None:

    def test_no_request_breaks_the_contracts_description() -> None:
        pytest.skip("RINGBACK_CONTRACT_DIR is not set: the public API's description is not here")

else:
    theirs = schemathesis.openapi.from_dict(contract(Path(CONTRACT)))
    theirs.config.generation.update(modes=list(GenerationMode))

    @pytest.mark.timeout(600)
    @theirs.parametrize()
    @trying
    def test_no_request_breaks_the_contracts_description(
        live: LiveServer, rival: Rival, case: schemathesis.Case[Any]
    ) -> None:
        send_case(live, rival, case, CONTRACT_CHECKS)
