"""Reads the fault script of the setting ``lab``: a text, a file's name, or a table."""

from __future__ import annotations

from ringback.errors import InvalidFaults, SetupError
from ringback.lab.script import Script, load_script, script_of
from ringback.settings import Settings


def script_for(settings: Settings) -> Script | None:
    """Return the settings' fault script, or None; raises ``SetupError`` for a wrong one."""
    lab = settings.lab
    try:
        if isinstance(lab, dict):
            return script_of(lab)
        return None if lab is None else load_script(lab)
    except InvalidFaults as exc:
        sentence = f"The setting lab is wrong: {exc}" if isinstance(lab, dict) else str(exc)
        raise SetupError(sentence) from exc
