"""``ringback models drift`` and ``sync`` compare the models with another's description."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ringback.cli.checks.description_source import HOSTED, read_source
from ringback.cli.console.exit_status import Status
from ringback.cli.console.options import (
    AS_JSON,
    CA_FILE,
    CONFIG,
    KREA_AS_OF,
    MODELS,
    settings_from,
)
from ringback.cli.console.output import print_json, print_lines, talk

if TYPE_CHECKING:
    from ringback.catalogue.catalogue import Catalogue
    from ringback.catalogue.description_reading import DescribedApi
    from ringback.catalogue.drift import Change, Drift, Routes
    from ringback.settings import Settings

_OURS = "ringback"
_FILES = "synced-*.toml"

SOURCE = click.option(
    "--from",
    "source",
    metavar="URL|FILE",
    default=HOSTED,
    show_default=True,
    help="An OpenAPI description, or a file of bodies by route.",
)


@click.command("drift")
@SOURCE
@click.option(
    "--against",
    metavar="URL|FILE",
    help="Compare with this description, not with the models of this Ringback.",
)
@MODELS
@KREA_AS_OF
@CONFIG
@CA_FILE
@AS_JSON
def drift(
    source: str,
    against: str | None,
    config: Path | None,
    ca_file: Path | None,
    as_json: bool,
    **flags: Any,
) -> Status:
    """Compare the models with a description of the API.

    It shows the routes that are new, gone or changed in the description. The exit status is 1 if
    there are any, for a nightly job.
    """
    described = read_source(source, ca_file=ca_file)
    if against is None:
        found = _drift_of(settings_from(flags, config=config), described)
    else:
        found = _between(read_source(against, ca_file=ca_file), described)
    _show(found, described.unread, as_json=as_json)
    return Status.FAILED if found or described.unread else Status.WELL


@click.command("sync")
@SOURCE
@MODELS
@KREA_AS_OF
@CONFIG
@CA_FILE
@AS_JSON
def sync(
    source: str, config: Path | None, ca_file: Path | None, as_json: bool, **flags: Any
) -> Status:
    """Write model files that follow a description of the API.

    They go into the folder of --models, one for each provider, beside your own files. A server
    that reads the folder then has the routes of the description.
    """
    from ringback.catalogue.catalogue import Catalogue

    settings = settings_from(flags, config=config)
    if settings.models is None:
        raise click.UsageError("Name the folder for the model files with --models.")
    described = read_source(source, ca_file=ca_file)
    folder = settings.models
    # The files replace earlier ones, so they hold all that the built-in models lack.
    whole = _drift(Catalogue.load(as_of=settings.krea_as_of), described)
    now = _drift_of(settings, described) if folder.is_dir() else whole
    left_out = _write(folder, whole, described, source=source)
    _show(now, {**described.unread, **left_out}, as_json=as_json)
    if not as_json:
        talk(f"The files are in {folder}; start the server with --models {folder}.")
    return Status.FAILED if left_out or described.unread else Status.WELL


def _drift_of(settings: Settings, described: DescribedApi) -> Drift:
    from ringback.catalogue.catalogue import Catalogue

    day = settings.krea_as_of
    own = Catalogue.load(settings.models, settings.providers, as_of=day)
    found = _drift(own, described)
    # A model of your own is not one that the description lost.
    built_in = _routes_of(Catalogue.load(as_of=day))
    return _with_gone(found, [name for name in found.gone if name in built_in])


def _drift(catalogue: Catalogue, described: DescribedApi) -> Drift:
    return _without_unread(_routes_of(catalogue), described)


def _between(before: DescribedApi, after: DescribedApi) -> Drift:
    return _without_unread(_fields_of(before), after)


def _without_unread(before: Routes, described: DescribedApi) -> Drift:
    from ringback.catalogue.drift import drift_between

    found = drift_between(before, _fields_of(described))
    return _with_gone(found, [name for name in found.gone if name not in described.unread])


def _fields_of(described: DescribedApi) -> Routes:
    """Return the described fields of each route; a Ringback describes its own models, too."""
    return {
        name: one.parameters
        for name, one in described.routes.items()
        if not one.id.startswith(f"{_OURS}/")
    }


def _with_gone(found: Drift, gone: list[str]) -> Drift:
    import msgspec

    return msgspec.structs.replace(found, gone=tuple(gone))


def _routes_of(catalogue: Catalogue) -> Routes:
    return {f"{one.kind}/{one.id}": one.parameters for one in catalogue if one.provider != _OURS}


def _write(
    folder: Path, found: Drift, described: DescribedApi, *, source: str
) -> Mapping[str, str]:
    """Write the overlay in place of an earlier one, and return the routes that it leaves out."""
    from ringback.catalogue.overlay_writing import write_overlay
    from ringback.clock import SystemClock, moment

    routes = [described.routes[name] for name in (*found.new, *found.changed)]
    today = moment(SystemClock().now_ms()).date()
    overlay = write_overlay(routes, found.gone, day=today, source=source)
    folder.mkdir(parents=True, exist_ok=True)
    written = {folder / f"synced-{name}.toml": text for name, text in overlay.files.items()}
    for path, text in written.items():
        path.write_text(text, "utf-8")
    for path in set(folder.glob(_FILES)) - written.keys():
        path.unlink()
    return overlay.left_out


def _show(found: Drift, unread: Mapping[str, str], *, as_json: bool) -> None:
    if as_json:
        changed = {name: list(changes) for name, changes in found.changed.items()}
        print_json(
            {"new": found.new, "gone": found.gone, "changed": changed, "unread": dict(unread)}
        )
        return
    print_lines(_rows(found))
    for name, reason in unread.items():
        talk(f"{name} is left out: {reason}.")


def _rows(found: Drift) -> Iterator[str]:
    yield from (f"new      {name}" for name in found.new)
    yield from (f"gone     {name}" for name in found.gone)
    for name, changes in found.changed.items():
        yield f"changed  {name}"
        yield from (_row(change) for change in changes)
    others = len(found.changed) - len(found.refielded)
    yield (
        f"{len(found.new)} new, {len(found.gone)} gone, {len(found.refielded)} changed; "
        f"{others} more differ in bounds, defaults or choices alone."
    )


def _row(change: Change) -> str:
    row = f"           {change.aspect:8}  {change.field}"
    if change.aspect in ("new", "gone"):
        return row
    return f"{row}: {_short(change.before)} -> {_short(change.after)}"


def _short(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {one}" for name, one in value.items()) or "none"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return json.dumps(value, ensure_ascii=False)
