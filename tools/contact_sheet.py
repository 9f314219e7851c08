"""Makes docs/images/clips.jpg anew: three frames of clips of several scenes."""

from __future__ import annotations

import tempfile
from pathlib import Path

import av
from PIL import Image

from ringback.engines.sketch.motion.camera import Move
from ringback.engines.sketch.motion.clip import make
from ringback.engines.sketch.motion.clip_spec import Clip, ShotSpec
from ringback.engines.sketch.reading import seed_of

_OUT = Path(__file__).parent.parent / "docs/images/clips.jpg"
_TILE = (400, 224)
_AT = (0.0, 0.5, 1.0)
_FRAMES = 72
_PROMPTS = (
    "a lake in the mountains at dawn, the camera trucks right",
    "the sea at sunset",
    "a city from day into night",
    "a forest in fog, dolly in",
    "mountains in snow, pan left",
    "dunes under a clear sky from sunset to night",
)


class _Silent:
    def progress(self, fraction: float) -> None:
        """Say nothing."""

    def preview(self, picture: bytes) -> None:
        """Show nothing."""


def frames_of(prompt: str, folder: Path) -> list[Image.Image]:
    """Return the first, the middle and the last frame of a prompt's clip."""
    out = folder / "clip.mp4"
    move = Move(pan=-0.9) if "pan left" in prompt else Move(truck=0.8, dolly=0.4)
    shots = (ShotSpec(prompt=prompt, frames=_FRAMES, move=move),)
    seed = seed_of(prompt)
    clip = Clip(
        out=str(out),
        prompt=prompt,
        model="docs",
        seed=seed,
        width=1280,
        height=720,
        rate=24,
        shots=shots,
    )
    make(clip, _Silent())
    with av.open(str(out), "r") as container:
        frames = [
            Image.fromarray(frame.to_ndarray(format="rgb24")) for frame in container.decode(video=0)
        ]
    return [frames[round(at * (len(frames) - 1))] for at in _AT]


def main() -> None:
    """Make the sheet."""
    sheet = Image.new("RGB", (_TILE[0] * len(_AT), _TILE[1] * len(_PROMPTS)))
    with tempfile.TemporaryDirectory() as name:
        for row, prompt in enumerate(_PROMPTS):
            for column, frame in enumerate(frames_of(prompt, Path(name))):
                small = frame.resize(_TILE, Image.Resampling.LANCZOS)
                sheet.paste(small, (column * _TILE[0], row * _TILE[1]))
    sheet.save(_OUT, quality=82)


if __name__ == "__main__":
    main()
