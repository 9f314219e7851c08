"""What came of a job, as a page shows it: pictures, films, sounds, files, named outputs. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from msgspec import Struct

from ringback.artifacts.names import media_type_of
from ringback.dashboard.frame import picture_path
from ringback.jobs.model import Job

Kind = Literal["picture", "film", "sound", "file"]

_OUTPUTS_MAX = 100
_KINDS: dict[str, Kind] = {"image": "picture", "video": "film", "audio": "sound"}
_NOT_DRAWN = ("image/heic",)  # of browsers, Safari alone shows it


class Result(Struct, frozen=True, kw_only=True):
    """One file that a job made: where it is, and how a browser shows it."""

    url: str
    path: str | None  # on this server; None: elsewhere
    kind: Kind
    name: str = ""  # of a node app's output


def results_of(job: Job) -> list[Result]:
    """Return the files that came of a job; of one that runs, its latest preview."""
    if job.result is None:
        return []
    urls = job.result.urls or ()
    named = dict(_files(job.result.outputs or {}))
    # While it runs, each preview takes the last one's place.
    shown = (
        [*urls, *(url for url in named if url not in urls)] if job.status.is_terminal else urls[-1:]
    )
    return [_result(url, job, named.get(url, "")) for url in shown]


def facts_of(job: Job) -> dict[str, Any]:
    """Return a node app's outputs that are no files, by their names."""
    outputs = (job.result.outputs if job.result else None) or {}
    files = set(dict(_files(outputs)).values())
    return {
        name: value for name, value in list(outputs.items())[:_OUTPUTS_MAX] if name not in files
    }


def kind_of(path: str | None) -> Kind:
    """Return how a file on this server is shown, by the type that its name says."""
    media_type = media_type_of((path or "").rpartition("/")[2]) or ""
    if media_type in _NOT_DRAWN:
        return "file"
    return _KINDS.get(media_type.partition("/")[0], "file")


def _result(url: str, job: Job, name: str) -> Result:
    path = picture_path(url, job.base_url)
    return Result(url=url, path=path, kind=kind_of(path), name=name)


def _files(outputs: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the address and the name of every output that is a file, or a list of them."""
    for name, value in list(outputs.items())[:_OUTPUTS_MAX]:
        found = value if isinstance(value, list) else [value]
        if found and all(isinstance(one, str) and _is_address(one) for one in found):
            for one in found[:_OUTPUTS_MAX]:
                yield one, name


def _is_address(text: str) -> bool:
    return text[:8].lower().startswith(("http://", "https://"))
