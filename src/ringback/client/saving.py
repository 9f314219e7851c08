"""How downloaded results are named and shown. Nothing of a name comes from the server unchecked."""

from __future__ import annotations

import re
from html import escape
from pathlib import Path
from urllib.parse import urlsplit

from msgspec import Struct

from ringback.client.models import JobDocument

_SUFFIX = re.compile(r"\.[a-z0-9]{1,5}")
_BY_TYPE = {
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/webp": ".webp",
    "image/gif": ".gif",
    "video/mp4": ".mp4",
    "video/webm": ".webm",
    "audio/mpeg": ".mp3",
    "audio/wav": ".wav",
    "model/gltf-binary": ".glb",
}
_STEM = re.compile(r"[^A-Za-z0-9_-]")


class Saving(Struct, frozen=True):
    """How far the download of a job's results is."""

    url: str
    path: Path
    bytes_done: int
    bytes_all: int | None


def file_name(job_id: str, number: int, url: str, content_type: str | None) -> str:
    """Return the name of a job's nth result: the job's id, its number, and what it is."""
    media_type = (content_type or "").partition(";")[0].strip().lower()
    suffix = _BY_TYPE.get(media_type)
    if suffix is None:
        found = _SUFFIX.fullmatch(Path(urlsplit(url).path).suffix.lower())
        suffix = found[0] if found else ".bin"
    stem = _STEM.sub("_", job_id)[:100] or "job"
    return f"{stem}-{number}{suffix}"


def as_html(job: JobDocument) -> str:
    """Return a job for a notebook: its pictures, and a line about it."""
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
