"""How long the sketch engine draws, over a thousand different prompts, on one core."""

from __future__ import annotations

import hashlib
import time
from io import BytesIO
from itertools import product

from PIL import Image

from bench.machine import SERVER_CORE, describe, median, percentile, pin, say
from ringback.engines.sketch.reading import seed_of
from ringback.engines.sketch.render import Drawing, draw_png

_WHAT = (
    *("mountains", "the sea", "a forest", "a city", "dunes", "a galaxy", "a lake", "joy"),
    *("a harbour", "a meadow", "an island", "a castle on a hill", "a river", "a portrait"),
    *("a red fox", "two ships", "a lighthouse", "an old mill", "music", "a bridge"),
)
_WHEN = ["at dawn", "at noon", "at sunset", "at night", "in autumn"]
_WEATHER = ["clear", "in fog", "in rain", "in snow", "in a storm"]
_HOW = ["", "in oil"]


def prompts() -> list[str]:
    """Return 1,000 prompts: every scene at every hour in every weather, in two manners."""
    return [" ".join(words).strip() for words in product(_WHAT, _WHEN, _WEATHER, _HOW)]


def drawing_of(prompt: str, *, width: int, height: int) -> Drawing:
    """Return what is drawn for a prompt."""
    return Drawing(prompt=prompt, seed=seed_of(prompt), model="bench", width=width, height=height)


def pixels_of(picture: bytes) -> str:
    """Return a digest of what is to be seen; the texts in the file are not."""
    return hashlib.sha256(Image.open(BytesIO(picture)).tobytes()).hexdigest()


def measured(width: int, height: int) -> tuple[list[float], int]:
    """Return the CPU time of each prompt, PNG encoding included, and how many pictures differ."""
    times, seen = [], set()
    for prompt in prompts():
        drawing = drawing_of(prompt, width=width, height=height)
        started = time.process_time()
        picture = draw_png(drawing)
        times.append((time.process_time() - started) * 1000)
        seen.add(pixels_of(picture))
    return times, len(seen)


def main() -> None:
    """Measure and print."""
    pin(SERVER_CORE)
    print(describe())
    for width, height in ((1024, 576), (1024, 1024)):
        times, different = measured(width, height)
        say(f"a picture of {width} x {height}, median", f"{median(times):.0f} ms of CPU", "< 400")
        say("  p95", f"{percentile(times, 0.95):.0f} ms of CPU", "< 400")
        say("  different pictures", f"{different} of {len(times)}", f"{len(times)}")


if __name__ == "__main__":
    main()
