"""``ringback models`` lists a server's models, shows their parameters, checks your own files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

from ringback.cli.checks.drift import drift, sync
from ringback.cli.checks.models import check
from ringback.cli.console.connection import with_client
from ringback.cli.console.exit_status import NotThere
from ringback.cli.console.model_options import kinds_of
from ringback.cli.console.output import print_found, print_json, print_lines, talk

if TYPE_CHECKING:
    from ringback import Ringback
    from ringback.client.models import Model

_EVERY = 2**53  # a bound beyond this is the type's, not the model's


@click.group("models")
def command() -> None:
    """List models, check your own, follow the public API's."""


for _own in (check, drift, sync):
    command.add_command(_own)


@command.command("list")
@click.option(
    "--kind",
    type=click.Choice(["image", "video", "enhance", "3d"]),
    help="Only models of this kind.",
)
@with_client
def list_(kind: str | None, client: Ringback, as_json: bool) -> None:
    """List the models that the server offers."""
    found = client.models.list(kind=kind)
    if as_json:
        print_json(found)
        return
    print_lines(
        f"{one.kind:7}  {one.id:32}  {one.title or ''}{_ending(one)}".rstrip() for one in found
    )
    if not found:
        talk("The server offers no such models.")


@command.command("show")
@click.argument("model_id", metavar="ID")
@with_client
def show(model_id: str, client: Ringback, as_json: bool) -> None:
    """Show a model, and its parameters as options of "ringback generate"."""
    from ringback.client.errors import NotFoundError

    try:
        found = client.models.get(model_id)
    except NotFoundError as exc:
        raise NotThere(f"{exc.message} ringback models list shows them.") from exc
    print_found(found, _lines, as_json=as_json)


def _lines(model: Model) -> Iterator[str]:
    yield f"{model.kind}/{model.id}  {model.title or ''}".rstrip()
    yield from (model.description or "").splitlines()[:1]
    if model.compute_units is not None:
        usual_s = model.average_completion_s
        about = "" if usual_s is None else f", about {usual_s:g} s"
        yield f"{model.compute_units:g} compute units{about}"
    if model.sunset_date is not None:
        instead = "" if model.replacement is None else f"; {model.replacement} takes its place"
        yield f"Ends on {model.sunset_date}{instead}"
    properties = model.parameters.get("properties")
    required = model.parameters.get("required") or ()
    for name, schema in properties.items() if isinstance(properties, Mapping) else ():
        yield _parameter(str(name), schema, is_required=name in required)


def _ending(model: Model) -> str:
    return "" if model.sunset_date is None else f", until {model.sunset_date}"


def _parameter(name: str, schema: Any, *, is_required: bool) -> str:
    known = schema if isinstance(schema, Mapping) else {}
    option = f"--{name.replace('_', '-')}"
    facts = [" or ".join(kinds_of(known)) or "anything"]
    facts += ["required"] if is_required else []
    facts += [f"one of {', '.join(map(str, known['enum']))}"] if "enum" in known else []
    facts += _bounds(known)
    facts += [f"default {known['default']}"] if known.get("default") not in (None, "") else []
    about = known.get("description")
    return f"  {option:28}  {', '.join(facts)}" + (f". {about}" if about else "")


def _bounds(schema: Mapping[str, Any]) -> list[str]:
    least, most = schema.get("minimum"), schema.get("maximum")
    if not isinstance(least, int | float) or not isinstance(most, int | float):
        return []
    return [] if abs(least) > _EVERY or abs(most) > _EVERY else [f"{least:g} to {most:g}"]
