"""Text from outside, made safe to print to a terminal."""

from __future__ import annotations


def visible(text: str) -> str:
    """Return the text with everything that does not print as itself escaped.

    Receivers and submitters write what is shown here, and a terminal obeys what it is sent:
    control characters, line breaks and marks that turn the direction of writing are spelled out.
    """
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in text
    )
