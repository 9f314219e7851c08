"""Names and shows downloaded results; no part of a name comes from the server unchecked."""

from __future__ import annotations

import os
import re
import tempfile
from contextlib import suppress
from html import escape
from pathlib import Path
from urllib.parse import urlsplit

from msgspec import Struct

from ringback.client.errors import SaveFailed
from ringback.client.models import JobDocument
from ringback.wire.base64_text import decode_data

_SUFFIX = re.compile(r"\.[a-z0-9]{1,5}")
_BY_TYPE = {
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/webp": ".webp",
    "image/gif": ".gif",
    "image/avif": ".avif",
    "image/heic": ".heic",
    "image/tiff": ".tiff",
    "image/svg+xml": ".svg",
    "video/mp4": ".mp4",
    "video/quicktime": ".mov",
    "video/webm": ".webm",
    "audio/mpeg": ".mp3",
    "audio/wav": ".wav",
    "audio/flac": ".flac",
    "audio/ogg": ".ogg",
    "model/ply": ".ply",
    "model/stl": ".stl",
    "application/zip": ".zip",
    "model/gltf-binary": ".glb",
}
_STEM = re.compile(r"[^A-Za-z0-9_-]")


def save_data(url: str, folder: Path, job_id: str, number: int) -> Path:
    """Write the content of a data URL to a file and return its path, or raise ``SaveFailed``."""
    content = decode_data(url)
    if content is None:
        raise SaveFailed(f"{url[:100]!r} is no base64 that can be read.")
    path = folder / file_name(job_id, number, "", url[5:].partition(",")[0])
    handle, part_name = tempfile.mkstemp(prefix=f".{path.stem}-", dir=folder)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.replace(part_name, path)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(part_name)
        raise
    return path


class Saving(Struct, frozen=True):
    """The progress of one download."""

    url: str
    path: Path
    bytes_done: int
    bytes_all: int | None


def file_name(job_id: str, number: int, url: str, content_type: str | None) -> str:
    """Return the name of a job's nth result: the job's id, the number and the type's suffix."""
    media_type = (content_type or "").partition(";")[0].strip().lower()
    suffix = _BY_TYPE.get(media_type)
    if suffix is None:
        found = _SUFFIX.fullmatch(Path(urlsplit(url).path).suffix.lower())
        suffix = found[0] if found else ".bin"
    stem = _STEM.sub("_", job_id)[:100] or "job"
    return f"{stem}-{number}{suffix}"


def as_html(job: JobDocument) -> str:
    """Return a job as HTML for a notebook: its pictures and a caption."""
    about = escape(f"{job.model or 'job'} · {job.status} · {job.job_id}")
    if job.error:
        about += f"<br>{escape(job.error)}"
    pictures = "".join(
        f'<img src="{escape(url, quote=True)}" alt="result of job {escape(job.job_id)}" '
        'style="max-width: 100%; max-height: 32em">'
        for url in job.urls
        if url.startswith(("https://", "http://"))
    )
    return f"<figure>{pictures}<figcaption>{about}</figcaption></figure>"
