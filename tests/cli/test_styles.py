"""``ringback styles``, against the emulator."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from ringback.testing.emulator import Emulator
from tests.cli.inside import Inside


@pytest.mark.timeout(60)
def test_styles_are_trained_listed_shown_and_deleted(inside: Inside, tmp_path: Path) -> None:
    picture = tmp_path / "ink.png"
    Image.new("RGB", (32, 32), (20, 40, 60)).save(picture)
    with Emulator(tmp_path / "data") as emulator:
        at = ("--url", emulator.url, "--token", "dev")
        # The emulator in this process says what it does on the same output, before.
        asset = inside("assets", "upload", str(picture), *at).out.splitlines()[-1]
        assert "No styles" in inside("styles", "list", *at).err
        trained = inside("styles", "train", "Ink", asset, "--trigger-word", "inky", *at)
        style_id = trained.out.splitlines()[-1]
        listed = inside("styles", "list", "--filter", "user", *at).out.splitlines()[-1]
        assert listed.startswith(style_id)
        assert listed.endswith("Ink")
        shown = inside("styles", "show", style_id, *at).out
        assert "prompt        inky\n" in shown
        assert "owner         dev\n" in shown
        assert inside("styles", "show", style_id, "--json", *at).document["title"] == "Ink"
        broken = inside("styles", "train", "Ink", "data:text/plain,no", *at, status=3)
        assert "cannot be read" in broken.err
        assert f"Style {style_id} is deleted" in inside("styles", "delete", style_id, *at).err
        inside("styles", "show", style_id, *at, status=4)
