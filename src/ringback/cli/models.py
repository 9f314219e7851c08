"""``ringback models``: what a server offers, what each model takes, and files of your own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

from ringback.cli.connection import client_of, connection
from ringback.cli.endings import NotThere
from ringback.cli.models_check import check
from ringback.cli.options import AS_JSON
from ringback.cli.output import print_json, print_lines, talk
from ringback.cli.parameters import kinds_of

if TYPE_CHECKING:
    from ringback.client.models import Model

_EVERY = 2**53  # a bound beyond this bounds nothing that anybody asks for


@click.group("models")
def command() -> None:
    """List models; show what one takes; check your own."""


command.add_command(check)


@command.command("list")
@click.option(
    "--kind", type=click.Choice(["image", "video", "enhance"]), help="Only models of this kind."
)
@connection
@AS_JSON
def list_(kind: str | None, url: str | None, token: str | None, as_json: bool) -> None:
    """List the models that the server offers."""
    with client_of(url, token) as client:
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
@connection
@AS_JSON
def show(model_id: str, url: str | None, token: str | None, as_json: bool) -> None:
    """Show a model, and its parameters as options of "ringback generate"."""
    from ringback.client.errors import NotFoundError

    with client_of(url, token) as client:
        try:
            found = client.models.get(model_id)
        except NotFoundError as exc:
            raise NotThere(f"{exc.message} ringback models list shows them.") from exc
    if as_json:
        print_json(found)
    else:
        print_lines(_lines(found))


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
