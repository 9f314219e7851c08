"""The API's description passes the linters of others."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from ringback.api.openapi.document import describe
from ringback.catalogue.catalogue import Catalogue

RULES = Path(__file__).parents[2] / ".ci/openapi"
DOCUMENT = json.loads(
    json.dumps(describe(Catalogue.load(), public_url="https://ringback.example", version="1.2.3"))
)


def test_openapi_spec_validator_finds_nothing_wrong() -> None:
    assert [error.message for error in OpenAPIV31SpecValidator(DOCUMENT).iter_errors()] == []


@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    "command",
    [
        ["spectral", "lint", "--ruleset", "spectral.yaml", "--fail-severity", "hint"],
        ["redocly", "lint", "--config", "redocly.yaml", "--format", "json"],
    ],
    ids=["spectral", "redocly"],
)
def test_the_linters_of_openapi_find_nothing_wrong(tmp_path: Path, command: list[str]) -> None:
    folder = os.environ.get("RINGBACK_TEST_OPENAPI_LINTERS")
    if folder is None:
        pytest.skip(
            "RINGBACK_TEST_OPENAPI_LINTERS names no folder of programs: npm install "
            "@stoplight/spectral-cli @redocly/cli"
        )
    file = tmp_path / "openapi.json"
    file.write_text(json.dumps(DOCUMENT, indent=1), "utf-8")
    name, *arguments = command
    done = subprocess.run(
        [f"{folder}/{name}", *arguments, str(file)],
        cwd=RULES,
        env={**os.environ, "REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    if name == "redocly":
        assert json.loads(done.stdout)["totals"] == {"errors": 0, "warnings": 0, "ignored": 0}
