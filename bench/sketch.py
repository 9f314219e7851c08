"""How long the sketch engine draws, over many different prompts, on one core."""

from __future__ import annotations

import time
from itertools import product

from bench.machine import SERVER_CORE, describe, median, percentile, pin, say
from ringback.engines.sketch.reading import seed_of
from ringback.engines.sketch.render import Drawing, draw_png

_WHAT = ["mountains", "the sea", "a forest", "a city", "dunes", "a galaxy", "a lake", "joy"]
_WHEN = ["at dawn", "at noon", "at sunset", "at night"]
_WEATHER = ["clear", "in fog", "in rain", "in snow"]


def prompts() -> list[str]:
    """Return 128 prompts: every scene at every hour in every weather."""
    return [" ".join(words) for words in product(_WHAT, _WHEN, _WEATHER)]


def times_ms(width: int, height: int) -> list[float]:
    """Return how long each prompt takes, PNG encoding included."""
    times = []
    for prompt in prompts():
        drawing = Drawing(
            prompt=prompt, seed=seed_of(prompt), model="bench", width=width, height=height
        )
        started = time.perf_counter()
        draw_png(drawing)
        times.append((time.perf_counter() - started) * 1000)
    return times


def main() -> None:
    """Measure and print."""
    pin(SERVER_CORE)
    print(describe())
    for width, height in ((1024, 576), (1024, 1024)):
        times = times_ms(width, height)
        say(f"a picture of {width} x {height}, median", f"{median(times):.0f} ms", "< 400")
        say("  p95", f"{percentile(times, 0.95):.0f} ms", "< 400")


if __name__ == "__main__":
    main()
