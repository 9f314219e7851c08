"""The writes of styles that are more than one statement."""

from __future__ import annotations

from ringback.storage.transactions.work import TransactionScript, for_each


@for_each
def delete_style(style_id: str) -> TransactionScript[bool]:
    """Delete a style and its likes."""
    rows = yield "styles.delete_style", {"style_id": style_id}
    if rows:
        yield "styles.forget_likes", {"style_id": style_id}
    return bool(rows)
