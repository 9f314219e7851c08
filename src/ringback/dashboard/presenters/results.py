"""Results of a job for display: pictures, films, sounds, files and named outputs. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal
from urllib.parse import urlsplit

from msgspec import Struct

from ringback.dashboard.rendering import picture_path
from ringback.files.artifacts.names import media_type_of
from ringback.jobs.model import Job

Kind = Literal["picture", "film", "sound", "file"]

_OUTPUTS_MAX = 100
_KINDS: dict[str, Kind] = {"image": "picture", "video": "film", "audio": "sound"}
_NOT_DRAWN = ("image/heic", "image/tiff")  # Safari is the only browser that shows them


class Result(Struct, frozen=True, kw_only=True):
    """One file of a job's result, with the kind of element that shows it."""

    url: str
    path: str | None  # on this server; None: on another
    kind: Kind
    name: str = ""  # of a node app's output

    @property
    def suffix(self) -> str:
        """Return the ending of the file's name in capitals; empty for another server's file."""
        return suffix_of(self.path) if self.path else ""


def results_of(job: Job) -> list[Result]:
    """Return the files of a job's result, or the latest preview of a running job."""
    if job.result is None:
        return []
    urls = job.result.urls or ()
    named = dict(_files(job.result.outputs or {}))
    # While a job runs, each preview replaces the one before.
    shown = (
        [*urls, *(url for url in named if url not in urls)] if job.status.is_terminal else urls[-1:]
    )
    return [_result(url, job, named.get(url, "")) for url in shown]


def poster_of(job: Job) -> str | None:
    """Return the path of the picture that a clip shows before it plays, or where it cannot."""
    if job.result is None:
        return None
    pictures = (one.path for one in results_of(job) if one.kind == "picture")
    still = job.result.still
    return next(pictures, None if still is None else picture_path(still, job.base_url))


def facts_of(job: Job) -> dict[str, Any]:
    """Return a node app's outputs that are not files, by their names."""
    outputs = (job.result.outputs if job.result else None) or {}
    files = set(dict(_files(outputs)).values())
    return {
        name: value for name, value in list(outputs.items())[:_OUTPUTS_MAX] if name not in files
    }


def kind_of(path: str | None) -> Kind:
    """Return the kind of a file on this server, from the type that its name states."""
    media_type = media_type_of((path or "").rpartition("/")[2]) or ""
    if media_type in _NOT_DRAWN:
        return "file"
    return _KINDS.get(media_type.partition("/")[0], "file")


def host_of(url: str) -> str:
    """Return the host and port of a webhook URL, or the beginning of a text that is no URL."""
    try:
        parts = urlsplit(url)
        return parts.netloc.rpartition("@")[2] or url[:60]
    except ValueError:
        return url[:60]


def suffix_of(path: str) -> str:
    """Return the ending of a file's name in capitals, like GLB; empty for a name without one."""
    name = path.rpartition("/")[2]
    return name.rpartition(".")[2].upper() if "." in name else ""


def _result(url: str, job: Job, name: str) -> Result:
    path = picture_path(url, job.base_url)
    return Result(url=url, path=path, kind=kind_of(path), name=name)


def _files(outputs: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the URL and the output's name of every file in a node app's outputs."""
    for name, value in list(outputs.items())[:_OUTPUTS_MAX]:
        found = value if isinstance(value, list) else [value]
        if found and all(isinstance(one, str) and _is_url(one) for one in found):
            for one in found[:_OUTPUTS_MAX]:
                yield one, name


def _is_url(text: str) -> bool:
    return text[:8].lower().startswith(("http://", "https://"))
