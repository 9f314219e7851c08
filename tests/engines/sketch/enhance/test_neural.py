"""Upscaling networks: the weights are a setting, the packages an extra."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ringback.errors import EngineError, SetupError
from ringback.server.adapters import slots_for
from ringback.settings import Settings

HAS_SPANDREL = find_spec("spandrel") is not None


def settings(tmp_path: Path, weights: Path) -> Settings:
    return Settings(profile="dev", data=tmp_path, enhance_weights=weights)


def a_tiny_network() -> dict[str, Any]:
    """Return random weights of a small network that doubles the sides: three layers of eight."""
    import torch

    torch.manual_seed(1)
    weights = {}
    for number, (into, out_of) in enumerate(((8, 3), (8, 8), (8, 8), (12, 8))):
        weights[f"body.{2 * number}.weight"] = torch.randn(into, out_of, 3, 3) * 0.1
        weights[f"body.{2 * number}.bias"] = torch.zeros(into)
        if into == 8:
            weights[f"body.{2 * number + 1}.weight"] = torch.full((8,), 0.25)
    return weights


@pytest.mark.skipif(HAS_SPANDREL, reason="spandrel is here")
def test_weights_without_the_extra_name_the_package_to_install(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"pip install 'ringback\[neural\]'"):
        slots_for(settings(tmp_path, tmp_path / "weights.safetensors"))


@pytest.mark.skipif(not HAS_SPANDREL, reason="spandrel is not here: pip install 'ringback[neural]'")
def test_a_network_enlarges_and_an_invalid_file_is_refused(tmp_path: Path) -> None:
    import torch

    from ringback.engines.sketch.enhance.neural import Network

    torch.save(a_tiny_network(), tmp_path / "w.pth")
    pixels = np.random.default_rng(1).random((20, 30, 3), dtype=np.float32)
    larger, times = Network(tmp_path / "w.pth").enlarged(pixels)
    assert (larger.shape, times) == ((40, 60, 3), 2)
    (tmp_path / "none.pth").write_bytes(b"no weights")
    with pytest.raises(EngineError, match="weights cannot be read"):
        Network(tmp_path / "none.pth")
    with pytest.raises(SetupError, match="is not a file"):
        slots_for(settings(tmp_path, tmp_path / "missing.pth"))
