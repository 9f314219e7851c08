"""What the documentation says is so."""

from __future__ import annotations

import ast
import json
import re
from importlib import import_module
from pathlib import Path
from typing import Any

import click
import pytest

from ringback.cli.console.exit_status import Status
from ringback.cli.program import COMMANDS
from ringback.ids import new_secret
from ringback.jobs.transitions import HELD, TRANSITIONS
from ringback.settings import Settings
from ringback.webhooks.schedule import SCHEDULE_S
from ringback.wire.document import job_document
from ringback.wire.signature import Signer, webhook_headers
from tests.docs.pages import PAGES, ROOT, blocks, links, page, rows

_SETTINGS = {row[0].strip("`"): row for row in rows("docs/operations.md", heading="Settings")}
_OUTER = {"waiting": ("backlogged", "queued"), "held": tuple(status.value for status in HELD)}


def commands() -> dict[str, click.Command]:
    """Return every command by its whole name."""
    found: dict[str, click.Command] = {}
    for name in COMMANDS:
        command: click.Command = import_module(f"ringback.cli.commands.{name}").command
        if isinstance(command, click.Group):
            found |= {f"{name} {inner}": one for inner, one in command.commands.items()}
        else:
            found[name] = command
    return found


def flags(command: click.Command) -> set[str]:
    return {flag for option in command.params for flag in option.opts if flag.startswith("--")}


def test_every_setting_is_documented_and_no_other() -> None:
    assert set(_SETTINGS) == set(Settings.__struct_fields__)


@pytest.mark.parametrize("name", [n for n in Settings.__struct_fields__ if n != "profile"])
def test_a_settings_default_and_flag_are_as_documented(name: str) -> None:
    _, flag, default, _ = (cell.strip("`") for cell in _SETTINGS[name])
    actual = getattr(Settings(), name)
    if actual not in (None, ()):
        assert default == json.dumps(actual, default=str).strip('"').removesuffix(".0")
    known = flags(commands()["dev"]) | flags(commands()["serve"])
    assert flag == (f"--{name.replace('_', '-')}" if f"--{name.replace('_', '-')}" in known else "")


def test_every_command_and_option_is_documented() -> None:
    text = page("docs/operations.md") + page("docs/cli.md")
    for name, command in commands().items():
        assert f"`ringback {name}" in text
        assert not {flag for flag in flags(command) if f"{flag}`" not in text and flag not in text}


def test_every_command_has_output_for_programs() -> None:
    without = {name for name, command in commands().items() if "--json" not in flags(command)}
    assert without == {"completion", "mcp"}  # these are spoken to by programs alone


def test_every_exit_status_is_documented_and_no_other() -> None:
    shown = [int(row[0]) for row in rows("docs/cli.md", heading="Exit statuses")]
    assert shown == [status.value for status in Status]


def test_the_status_diagram_is_the_table_of_transitions() -> None:
    (diagram,) = blocks("docs/job-lifecycle.md", "mermaid")
    aliases = {alias: name for name, alias in re.findall(r'state "(\S+)" as (\S+)', diagram)}
    drawn = set()
    for start, end, events in re.findall(r"(\w+) --> (\w+): (.+)", diagram):
        for status in _OUTER.get(start, (start,)):
            for event in events.split(", "):
                drawn.add((aliases.get(status, status), event, aliases.get(end, end)))
    assert drawn == {
        (status.value, event.value, after.value)
        for status, ways in TRANSITIONS.items()
        for event, after in ways.items()
    }


def test_the_diagrams_groups_hold_the_statuses_they_stand_for() -> None:
    (diagram,) = blocks("docs/job-lifecycle.md", "mermaid")
    for name, members in _OUTER.items():
        found = re.search(rf"state {name} \{{(.*?)\}}", diagram, re.DOTALL)
        assert found is not None
        inner = {end for arrow in re.findall(r"(\w+) --> (\w+)", found[1]) for end in arrow}
        assert {name.replace("_", "-") for name in inner} == set(members)


def test_every_status_is_explained() -> None:
    for status in TRANSITIONS:
        assert f"| `{status}` |" in page("docs/job-lifecycle.md")


def test_the_webhooks_shown_have_the_contracts_five_members() -> None:
    members = list(
        job_document(job_id="", status="", created_at_ms=0, completed_at_ms=0, result={})
    )
    (request,) = blocks("README.md", "http")
    (example,) = blocks("docs/webhooks.md", "json")
    for body in (request.partition("\n\n")[2], example):
        job = json.loads(body)
        assert list(job) == members
        assert list(job["result"]) == ["urls"]


def test_the_schedule_is_as_documented() -> None:
    seconds = {"s": 1, "min": 60, "h": 3600}
    (delays,) = rows("docs/webhooks.md", heading="When it is tried again")[:1]
    shown = [0.0, *(float(d.split()[0]) * seconds[d.split()[1]] for d in delays[2:])]
    assert tuple(shown) == SCHEDULE_S


def signed(secret: str, body: bytes, *, timestamp_s: int) -> dict[str, str]:
    headers = webhook_headers(
        [Signer(secret)], webhook_id="delivery-7", timestamp_s=timestamp_s, body=body
    )
    return {name.decode(): value.decode() for name, value in headers}


def test_the_signature_checked_by_hand_is_the_signature_made() -> None:
    (code,) = blocks("docs/webhooks.md", "python")
    scope: dict[str, Any] = {}
    exec(code, scope)
    secret = new_secret()
    headers = signed(secret, b"{}", timestamp_s=1_000)
    assert scope["is_genuine"](secret, headers, b"{}", 1_000.0)
    assert not scope["is_genuine"](secret, headers, b"[]", 1_000.0)
    assert not scope["is_genuine"](new_secret(), headers, b"{}", 1_000.0)
    assert not scope["is_genuine"](secret, headers, b"{}", 2_000.0)


def events(path: Path) -> set[str]:
    """Return the names of the events that a module logs."""
    calls = [n for n in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(n, ast.Call)]
    return {
        call.args[0].value
        for call in calls
        if call.args
        and isinstance(call.args[0], ast.Constant)
        and isinstance(call.args[0].value, str)
        and re.fullmatch(r"log\.\w+|_?say", ast.unparse(call.func))
    }


def test_every_log_event_is_documented_and_no_other() -> None:
    # The receiver kit logs into its program's log, in sentences.
    modules = [path for path in (ROOT / "src").rglob("*.py") if "receiver" not in path.parts]
    logged = set().union(*map(events, modules))
    assert {row[0].strip("`") for row in rows("docs/operations.md", heading="Logs")} == logged


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path) -> None:
    assert [link for link in links(path) if not (path.parent / link).exists()] == []


def test_the_map_of_the_rooms_is_complete() -> None:
    package = ROOT / "src/ringback"
    rooms = {
        f"{path.name}/" if path.is_dir() else path.name
        for path in package.iterdir()
        if not path.name.startswith("_") and path.suffix in ("", ".py")
    }
    rooms_section = page("docs/architecture.md").split("## The rooms")[1]
    shown = re.findall(r"^  (\S+) ", rooms_section, re.MULTILINE)
    assert set(shown) == rooms


def test_every_file_that_the_architecture_names_is_there() -> None:
    named = re.findall(r"`([a-z0-9_]+(?:/[a-z0-9_]+)*(?:\.py|/))`", page("docs/architecture.md"))
    folders = (ROOT, ROOT / "src/ringback")
    assert len(named) > 40
    assert [path for path in named if not any((folder / path).exists() for folder in folders)] == []
