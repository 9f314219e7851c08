"""Prints the demo's lines, and on a terminal one status line that changes."""

from __future__ import annotations

import sys

import click

_BAR_WIDTH = 30
_ERASE = "\r\x1b[2K"


class Printer:
    """Prints lines; a terminal shows the status in place, other outputs show each change once."""

    def __init__(self, *, to_stderr: bool = False) -> None:
        self._to_stderr = to_stderr
        self._in_place = (sys.stderr if to_stderr else sys.stdout).isatty()
        self._shown: str | None = None

    def step(self, title: str) -> None:
        """Print the title of a step."""
        self.line(click.style(title, bold=True))

    def line(self, text: str = "") -> None:
        """Print a permanent line."""
        erase = _ERASE if self._in_place and self._shown is not None else ""
        self._shown = None
        click.echo(f"{erase}{text}", err=self._to_stderr)

    def block(self, text: str) -> None:
        """Print permanent, indented lines."""
        for line in text.splitlines():
            self.line(f"    {line}")

    def status(self, word: str, fraction: float | None = None) -> None:
        """Show a status: a word and the progress."""
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
