"""Every adapter refuses other methods and bodies that are too long before it reads the body."""

from __future__ import annotations

from ringback.receiver.answer import Answer, refused

BODY_BYTES_MAX = 1_048_576
"""The longest body that an adapter reads by default."""

NOT_POST = refused(405, "method_not_allowed", "Webhooks are posted.")
TOO_LONG = refused(413, "too_long", "The body is longer than a webhook may be.")
CUT_OFF = refused(400, "cut_off", "The body broke off.")


def refusal(method: str, content_length: str | None, *, bytes_max: int) -> Answer | None:
    """Return the refusal of a request by its method and length, or None."""
    if method != "POST":
        return NOT_POST
    length = (content_length or "").strip()
    if length.isascii() and length.isdigit() and (len(length) > 15 or int(length) > bytes_max):
        return TOO_LONG
    return None
