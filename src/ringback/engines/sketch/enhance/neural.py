"""An upscaling network, where the operator configured one, loaded with spandrel."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from spandrel import ImageModelDescriptor, ModelLoader

from ringback.engines.sketch.enhance.filters import Plane
from ringback.errors import EngineError


class Network:
    """One upscaling network on the CPU."""

    def __init__(self, weights: Path) -> None:
        torch.set_num_threads(1)
        try:
            model = ModelLoader(device=torch.device("cpu")).load_from_file(weights)
        except Exception as exc:
            # A file of weights can be invalid in many ways; to the user all are the same.
            raise EngineError("The upscaling network's weights cannot be read.") from exc
        if not isinstance(model, ImageModelDescriptor) or model.input_channels != 3:
            raise EngineError("The upscaling network does not enlarge colour images.")
        self._model = model.eval()

    def enlarged(self, pixels: Plane) -> tuple[Plane, int]:
        """Return pixels (H, W, 3) enlarged by the network, and its factor."""
        flat = np.ascontiguousarray(np.clip(pixels, 0, 1).transpose(2, 0, 1))
        with torch.inference_mode():
            larger = self._model(torch.from_numpy(flat)[None])[0]
        planes = larger.float().numpy().transpose(1, 2, 0)
        return np.ascontiguousarray(planes, dtype=np.float32), int(self._model.scale)
