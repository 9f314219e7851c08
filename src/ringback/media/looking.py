"""What a file is, by its content alone: its name, and what its sender called it, do not count."""

from __future__ import annotations

from ringback.errors import InvalidMedia
from ringback.media import ebml, glb, heif, jpeg, movie, mp3, png, riff
from ringback.media.content import PICTURES, Content, Facts, Looked, MediaType
from ringback.media.isobmff import brand

PICTURE_PIXELS_MAX = 50_000_000
"""Of a picture: a telephone's camera makes 48 million."""
VIDEO_PIXELS_MAX = 8192 * 4608
"""Of one frame of a video."""
PICTURE_FRAMES_MAX = 1_000
VIDEO_FRAMES_MAX = 108_000
"""An hour of thirty frames a second."""
_ALL_PIXELS_MAX = 2_000_000_000  # of all frames of a moving picture, which are decoded by one call
_READ = "JPEG, PNG, WebP, HEIC, MP4, MOV, WebM, GLB, WAV or MP3"


def media_type_of(content: Content) -> MediaType | None:
    """Return a file's type by how it begins, or None for none of the ten."""
    begins = content[:16]
    if begins.startswith(jpeg.START):
        return MediaType.JPEG
    if begins.startswith(png.START):
        return MediaType.PNG
    if begins[:4] == b"RIFF":
        return {b"WEBP": MediaType.WEBP, b"WAVE": MediaType.WAV}.get(begins[8:12])
    if begins.startswith(ebml.START):
        return MediaType.WEBM
    if begins.startswith(glb.START):
        return MediaType.GLB
    if (found := brand(content)) is not None:
        return {"heic": MediaType.HEIC, "mov": MediaType.MOV, "mp4": MediaType.MP4}[found]
    return MediaType.MP3 if mp3.begins(content) else None


def look(content: Content) -> Looked:
    """Return what a file is and what of it is kept, or raise ``InvalidMedia``."""
    if not len(content):
        raise InvalidMedia(f"The file is empty; send a {_READ} file.")
    media_type = media_type_of(content)
    if media_type is None:
        raise InvalidMedia(f"The file's content is of no type that is taken; send a {_READ} file.")
    looked = _look(content, media_type)
    judge(looked.facts)
    return looked


def judge(facts: Facts) -> None:
    """Raise ``InvalidMedia`` for more pixels or frames than are taken; nothing is decoded yet."""
    is_picture = facts.media_type in PICTURES
    pixels = (facts.width or 0) * (facts.height or 0)
    pixels_max = PICTURE_PIXELS_MAX if is_picture else VIDEO_PIXELS_MAX
    if pixels > pixels_max:
        raise InvalidMedia(
            f"The file has {facts.width} x {facts.height} pixels; at most {pixels_max} are taken."
        )
    frames_max = PICTURE_FRAMES_MAX if is_picture else VIDEO_FRAMES_MAX
    if (facts.frames or 0) > frames_max:
        raise InvalidMedia(f"The file has {facts.frames} frames; at most {frames_max} are taken.")
    if is_picture and (facts.frames or 1) * pixels > _ALL_PIXELS_MAX:
        raise InvalidMedia(
            f"The file's {facts.frames} frames have too many pixels together; "
            f"at most {_ALL_PIXELS_MAX} are taken."
        )


def _look(content: Content, media_type: MediaType) -> Looked:
    match media_type:
        case MediaType.JPEG:
            return jpeg.look(content)
        case MediaType.PNG:
            return png.look(content)
        case MediaType.WEBP:
            return riff.look_webp(content)
        case MediaType.WAV:
            return riff.look_wav(content)
        case MediaType.HEIC:
            return heif.look(content)
        case MediaType.MP4 | MediaType.MOV:
            return movie.look(content, media_type)
        case MediaType.WEBM:
            return ebml.look(content)
        case MediaType.GLB:
            return glb.look(content)
        case MediaType.MP3:
            return mp3.look(content)
