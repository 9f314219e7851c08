"""The guides' programs pass a strict type checker, and wrong names in programs do not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from ringback.jobs.model import JobStatus
from ringback.webhooks.events import EventType
from ringback.wire.names import EVENT_NAMES, StatusName
from tests.docs.pages import ROOT, blocks

GUIDES = (
    "README.md",
    "docs/assets.md",
    "docs/listen.md",
    "docs/node-apps.md",
    "docs/receiver.md",
    "docs/testing.md",
    "docs/webhooks.md",
)
_WRONG = """\
from ringback import Ringback
from ringback.receiver import Receiver, WebhookEvent

receiver = Receiver("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")


@receiver.on("job.finished")
def fulfil(event: WebhookEvent) -> None:
    print(event.job.status == "complete")


Ringback().image("bfl/flux-1-dev", prompt="a fox", webhook_events=["job.done"])
Ringback().jobs.list(status="canceled")
"""


def test_the_names_for_type_checkers_are_those_of_the_server() -> None:
    assert tuple(event.value for event in EventType) == EVENT_NAMES
    assert get_args(StatusName) == tuple(status.value for status in JobStatus)


@pytest.mark.timeout(300)
def test_the_guides_programs_pass_a_strict_type_checker_and_wrong_names_do_not(
    tmp_path: Path,
) -> None:
    for guide in GUIDES:
        for number, code in enumerate(blocks(guide, "python"), 1):
            name = f"{Path(guide).stem.lower().replace('-', '_')}_{number}.py"
            (tmp_path / name).write_text(code, "utf-8")
    (tmp_path / "wrong.py").write_text(_WRONG, "utf-8")
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary"]
    command += ["--follow-imports=silent", "--config-file=", "--cache-dir=cache"]
    done = subprocess.run(
        [*command, *sorted(path.name for path in tmp_path.glob("*.py"))],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "", "MYPYPATH": str(ROOT / "src")},
    )
    lines = done.stdout.splitlines()
    assert done.stderr == ""
    assert [line for line in lines if not line.startswith("wrong.py")] == []
    assert [line.split(":")[1] for line in lines if ": error:" in line] == ["7", "9", "12", "13"]
