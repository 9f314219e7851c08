"""The table of operations: complete, and each of its tests exists."""

from __future__ import annotations

import ast
import json
import os
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from ringback.api.openapi.document import describe
from ringback.catalogue.catalogue import Catalogue

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"^\| `([A-Z]+ \S+)` \| `(\S+)` \|$", re.MULTILINE)
ROWS = ROW.findall((ROOT / "docs/operations-table.md").read_text("utf-8"))
METHODS = ("get", "post", "put", "patch", "delete")
CATALOGUE = Catalogue.load()
# What the contract has beside the models' routes.
OTHERS = ("/jobs", "/assets", "/styles", "/node-apps", "/export")


def operations_of(document: dict[str, Any]) -> set[str]:
    """Return the operations of a description that are the contract's, without parameters' names."""
    return {
        nameless(f"{method.upper()} {path}")
        for path, operations in document["paths"].items()
        for method in operations
        if method in METHODS
    }


def nameless(operation: str) -> str:
    return re.sub(r"\{[^}]+\}", "{}", operation)


OURS = operations_of(describe(CATALOGUE, version="1", public_url=None))
SERVED = [(operation, test) for operation, test in ROWS if nameless(operation) in OURS]


def test_every_operation_has_one_row() -> None:
    named = [nameless(operation) for operation, _ in ROWS]
    assert len(named) == len(set(named)) == 122
    for catalogue in (CATALOGUE, Catalogue.of_day(date(2026, 5, 27))):
        models = {f"POST {one.path}" for one in catalogue if one.provider != "ringback"}
        assert models <= set(named)


def test_every_operation_of_the_contract_has_a_row() -> None:
    folder = os.environ.get("RINGBACK_CONTRACT_DIR")
    if folder is None:
        pytest.skip("RINGBACK_CONTRACT_DIR does not name the public API's description")
    contract = operations_of(json.loads((Path(folder) / "krea-openapi.json").read_text("utf-8")))
    assert len(contract) == 72
    assert contract <= {nameless(operation) for operation, _ in ROWS}


def test_every_row_that_is_served_is_in_our_description() -> None:
    assert len(SERVED) >= 66
    for operation, _ in ROWS:
        path = operation.split()[1]
        assert path.startswith(("/generate/", *OTHERS)), operation


@pytest.mark.parametrize("test", sorted({test for _, test in SERVED}))
def test_the_test_of_each_row_exists(test: str) -> None:
    path, _, name = test.partition("::")
    name, _, parameter = name.removesuffix("]").partition("[")
    tree = ast.parse((ROOT / path).read_text("utf-8"))
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    assert name in {one.name for one in tree.body if isinstance(one, functions)}
    if parameter:
        assert parameter in {f"{one.kind}/{one.id}" for one in CATALOGUE}
