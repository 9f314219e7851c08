"""Hostile requests made from the API's description, ours and the contract's, on a real server.

``make fuzz EXAMPLES=100`` tries more of them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from e2e.harness import LiveServer
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

import ringback
from ringback.catalogue import openapi
from ringback.catalogue.catalogue import Catalogue

EXAMPLES = int(os.environ.get("EXAMPLES", "8"))
CONTRACT = os.environ.get("RINGBACK_CONTRACT_DIR")
OURS = openapi.describe(Catalogue.load(), version=ringback.__version__, public_url=None)

# What is asked of every answer. Who may see what is tested in tests/api: dev mode opens a
# workspace to any token, so that a missing one is the only refusal that could be tried here.
JUDGES = [
    not_a_server_error,
    response_schema_conformance,
    content_type_conformance,
    status_code_conformance,
]
# The contract's snapshot describes five answers; that we give more kinds is no break of it.
CONTRACT_JUDGES = [check for check in JUDGES if check.__name__ != "status_code_conformance"]


def contract(folder: Path) -> dict[str, Any]:
    """Return the contract's operations on images, jobs, assets and node apps."""
    document: dict[str, Any] = json.loads((folder / "krea-openapi.json").read_text())
    kept = ("/generate/image/", "/jobs", "/assets", "/node-apps")
    document["paths"] = {
        path: operations for path, operations in document["paths"].items() if path.startswith(kept)
    }
    return document


ours = schemathesis.openapi.from_dict(OURS)
ours.config.generation.update(modes=list(GenerationMode))

trying = settings(
    max_examples=EXAMPLES,
    suppress_health_check=list(HealthCheck),
    derandomize=True,
)


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """An emulator that many submissions do not fill."""
    server = LiveServer(
        tmp_path_factory.mktemp("fuzz") / "data", environment={"RINGBACK_BACKLOG_MAX": "1000000"}
    )
    with server:
        yield server


def ask(live: LiveServer, case: schemathesis.Case[Any], judges: list[Any]) -> None:
    # Waiting for pictures is not what is tried here, and would take a minute each.
    case.headers.pop("Prefer", None)
    case.query.pop("wait", None)
    case.headers["Authorization"] = "Bearer fuzz"
    case.call_and_validate(base_url=live.url, checks=judges)


@pytest.mark.timeout(600)
@ours.parametrize()
@trying
def test_no_request_breaks_our_own_description(
    live: LiveServer, case: schemathesis.Case[Any]
) -> None:
    ask(live, case, JUDGES)


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
        live: LiveServer, case: schemathesis.Case[Any]
    ) -> None:
        ask(live, case, CONTRACT_JUDGES)
