"""Makes text from outside safe to print to a terminal."""

from __future__ import annotations


def visible(text: str) -> str:
    """Return the text with its unprintable characters escaped.

    Receivers and submitters control the text, and a terminal executes control sequences. So
    control characters, line breaks and marks of writing direction are escaped.
    """
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in text
    )
