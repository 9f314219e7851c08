"""Between styles and their rows."""

from __future__ import annotations

from typing import Any

import msgspec

from ringback.storage.mapping.rows import Row, as_json
from ringback.styles.model import Style, StyleChange

_decode_names = msgspec.json.Decoder(tuple[str, ...]).decode


def style_row(style: Style) -> dict[str, Any]:
    """Return a style's columns by name."""
    row = msgspec.structs.asdict(style)
    del row["likes_count"], row["orphaned"]  # which are not kept with it
    return {
        **row,
        "previews": as_json(style.previews),
        "urls": None if style.urls is None else as_json(style.urls),
        "public": int(style.public),
        "shared": int(style.shared),
    }


def style_change_row(change: StyleChange) -> dict[str, Any]:
    """Return the changes by the columns' names; null leaves a column as it is."""
    return {
        **msgspec.structs.asdict(change),
        "urls": None if change.urls is None else as_json(change.urls),
        "public": None if change.public is None else int(change.public),
        "shared": None if change.shared is None else int(change.shared),
    }


def style_from(row: Row) -> Style:
    """Return the style of a row."""
    columns = dict(zip(Style.__struct_fields__, row, strict=True))
    urls = columns["urls"]
    return Style(
        **{
            **columns,
            "previews": _decode_names(columns["previews"]),
            "urls": None if urls is None else _decode_names(urls),
            "public": bool(columns["public"]),
            "shared": bool(columns["shared"]),
            "orphaned": bool(columns["orphaned"]),
        }
    )
