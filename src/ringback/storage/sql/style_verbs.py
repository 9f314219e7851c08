"""The writes of styles that are more than one statement."""

from __future__ import annotations

from collections.abc import Sequence

from ringback.storage.sql.work import Work


def delete_styles(items: Sequence[str]) -> Work[list[bool]]:
    """Forget styles, and who liked them."""
    results = []
    for style_id in items:
        gone = yield "styles.delete_style", {"style_id": style_id}
        if gone:
            yield "styles.forget_likes", {"style_id": style_id}
        results.append(bool(gone))
    return results
