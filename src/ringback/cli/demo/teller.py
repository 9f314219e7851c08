"""How the demo speaks: lines, and on a terminal one line that changes."""

from __future__ import annotations

import sys

import click

_BAR_WIDTH = 30
_ERASE = "\r\x1b[2K"


class Teller:
    """Prints the story; what is passing is shown in place on a terminal, once each elsewhere."""

    def __init__(self, *, to_stderr: bool = False) -> None:
        self._to_stderr = to_stderr
        self._in_place = (sys.stderr if to_stderr else sys.stdout).isatty()
        self._shown: str | None = None

    def step(self, title: str) -> None:
        """Begin a new part of the story."""
        self.line(click.style(title, bold=True))

    def line(self, text: str = "") -> None:
        """Print a line that stays."""
        erase = _ERASE if self._in_place and self._shown is not None else ""
        self._shown = None
        click.echo(f"{erase}{text}", err=self._to_stderr)

    def block(self, text: str) -> None:
        """Print lines that stay, set in a little."""
        for line in text.splitlines():
            self.line(f"    {line}")

    def passing(self, word: str, fraction: float | None = None) -> None:
        """Show how it stands: a word and how much is done."""
        if self._in_place:
            shown = f"    {word}" if fraction is None else f"    {_bar(fraction)} {word}"
            click.echo(f"{_ERASE}{shown}", nl=False, err=self._to_stderr)
        elif word != self._shown:
            done = "" if fraction is None else f" {fraction:.0%}"
            click.echo(f"    {word}{done}", err=self._to_stderr)
        self._shown = word


def _bar(fraction: float) -> str:
    full = round(min(max(fraction, 0.0), 1.0) * _BAR_WIDTH)
    return f"[{'#' * full}{'.' * (_BAR_WIDTH - full)}] {fraction:4.0%}"
