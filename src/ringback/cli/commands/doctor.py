"""``ringback doctor`` checks this machine and suggests a remedy for each problem."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from ringback.cli.checks.checks import examine
from ringback.cli.checks.finding import Finding
from ringback.cli.console.options import AS_JSON, CONFIG, DATA, LISTENING, settings_from

_NAME_WIDTH = 10


@click.command("doctor")
@LISTENING[0]
@LISTENING[1]
@DATA
@CONFIG
@AS_JSON
@click.pass_context
def command(ctx: click.Context, /, config: Path | None, as_json: bool, **flags: Any) -> None:
    """Check this machine, and suggest a remedy for each problem.

    It changes nothing, and may run beside a server. The exit status is 1 for any problem.
    """
    findings = examine(settings_from(flags, config=config))
    if as_json:
        click.echo(json.dumps([finding.document() for finding in findings]))
    else:
        for finding in findings:
            click.echo(_line(finding))
    if not all(finding.is_well for finding in findings):
        ctx.exit(1)


def _line(finding: Finding) -> str:
    word = click.style("ok ", fg="green") if finding.is_well else click.style("fix", fg="red")
    todo = f"\n    {'':{_NAME_WIDTH}} {finding.todo}" if finding.todo else ""
    return f"{word} {finding.name:{_NAME_WIDTH}} {finding.found}{todo}"
