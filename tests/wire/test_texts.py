"""Texts of users' files are read with and without the marks that editors put before them."""

from __future__ import annotations

import base64
import io
import json
import sys
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from ringback.catalogue.toml_files import read_file
from ringback.cli.commands import apps
from ringback.cli.console.json_input import input_object
from ringback.cli.verifying.signing import VARIABLE as SECRET_VARIABLE
from ringback.client.config import configured
from ringback.engines.upstream.comfyui.settings import WorkflowSettings, read_workflow
from ringback.engines.upstream.config import secret_of
from ringback.files.artifacts.bucket import bucket_at
from ringback.lab.script import load_script
from ringback.settings import read_settings
from ringback.signing.master_key import load_master_keys
from ringback.wire.signature import decode_secret
from ringback.wire.texts import decode_text, variable_text

MARKED: dict[str, Callable[[str], bytes]] = {
    "plain": lambda text: text.encode(),
    "UTF-8 with a mark": lambda text: b"\xef\xbb\xbf" + text.encode(),
    "UTF-16": lambda text: b"\xff\xfe" + text.encode("utf-16-le"),
    "UTF-16, big end first": lambda text: b"\xfe\xff" + text.encode("utf-16-be"),
}
NODES = {"1": {"class_type": "Sampler", "inputs": {"text": "ü"}}}
MODELS = files("ringback.catalogue.models").joinpath("ringback.toml").read_text("utf-8")

DOORS: dict[str, tuple[str, str, Callable[[Path], Any]]] = {
    "settings": (
        "a.toml",
        "port = 1\r\n",
        lambda path: read_settings({}, environment={}, config=path).port,
    ),
    "models": ("a.toml", MODELS, lambda path: len(read_file(path).models)),
    "fault script": (
        "a.toml",
        '[[rule]]\nfaults = "slow=1s"\n',
        lambda path: load_script(str(path)),
    ),
    "workflow": (
        "a.json",
        json.dumps(NODES, ensure_ascii=False),
        lambda path: read_workflow(WorkflowSettings(file=str(path))).nodes,
    ),
    "provider's key": (
        "a.key",
        "sk-1\r\n",
        lambda path: secret_of("key", {}, value=None, file=str(path)),
    ),
    "--input": ("a.json", '{"prompt": "ü"}', lambda path: input_object(f"@{path}")),
    "node app": ("a.json", '{"name": "ü"}', lambda path: apps._definition(str(path))),
}


@pytest.mark.parametrize("mark", MARKED.values(), ids=MARKED.keys())
@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS.keys())
def test_a_file_says_the_same_with_a_byte_order_mark(
    tmp_path: Path, door: tuple[str, str, Callable[[Path], Any]], mark: Callable[[str], bytes]
) -> None:
    name, text, read = door
    plain, marked = tmp_path / "plain" / name, tmp_path / "marked" / name
    for path, content in ((plain, text.encode()), (marked, mark(text))):
        path.parent.mkdir()
        path.write_bytes(content)
    assert read(marked) == read(plain)


@pytest.mark.parametrize("mark", MARKED.values(), ids=MARKED.keys())
def test_standard_input_may_begin_with_a_byte_order_mark(
    monkeypatch: pytest.MonkeyPatch, mark: Callable[[str], bytes]
) -> None:
    readers: list[Callable[[], Any]] = [lambda: input_object("-"), lambda: apps._definition("-")]
    for read in readers:
        sent = io.TextIOWrapper(io.BytesIO(mark('{"prompt": "ü"}')), "ascii")
        monkeypatch.setattr(sys, "stdin", sent)
        assert read() == {"prompt": "ü"}


def test_the_master_key_may_follow_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    path.touch(0o600)
    path.write_bytes(b"\xef\xbb\xbf" + base64.b64encode(bytes(32)))
    assert load_master_keys(None, directory=tmp_path) == (bytes(32),)


def test_a_mark_within_a_text_is_a_character_of_it() -> None:
    assert decode_text("a\ufeff".encode()) == "a\ufeff"


@pytest.mark.parametrize("around", ["{}", '"{}"', "'{}'", "{}\r\n", " {} ", "\ufeff{}"])
@pytest.mark.parametrize("read", ["api_key", "base_url", "secret", "engine", "bucket"])
def test_each_reader_of_a_variable_leaves_its_quotes_and_line_end(read: str, around: str) -> None:
    def environment(name: str, text: str) -> dict[str, str]:
        return {name: around.format(text)}

    url = "https://jobs.example"
    found: dict[str, Callable[[], tuple[object, object]]] = {
        "api_key": lambda: (
            configured(None, url, environment=environment("RINGBACK_API_KEY", "rb_x")).api_key,
            "rb_x",
        ),
        "base_url": lambda: (
            configured("x", None, environment=environment("KREA_BASE_URL", url)).base_url,
            url,
        ),
        "secret": lambda: (
            variable_text(environment("RINGBACK_WEBHOOK_SECRET", "whsec_QUJD"), SECRET_VARIABLE),
            "whsec_QUJD",
        ),
        "engine": lambda: (
            secret_of("The key", environment("KEY", "sk"), value=None, variable="KEY"),
            "sk",
        ),
        "bucket": lambda: (
            bucket_at(
                "s3://b",
                endpoint=None,
                region=None,
                path_style=True,
                environment=environment("AWS_REGION", "eu-west-1"),
            ).region,
            "eu-west-1",
        ),
    }
    value, expected = found[read]()
    assert value == expected


@pytest.mark.parametrize("text", ['"a" dev "b"', '"', "'a\"", 'it"s'])
def test_quotes_that_are_not_around_a_variables_text_stay(text: str) -> None:
    assert variable_text({"X": text}, "X") == text


@pytest.mark.parametrize("around", ["{}\n", " {}", "{}\r\n"])
def test_a_secret_from_a_file_may_have_its_line_end(around: str) -> None:
    assert decode_secret(around.format("whsec_QUJD")) == b"ABC"
