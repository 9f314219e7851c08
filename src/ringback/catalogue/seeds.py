"""Seeds of jobs whose clients gave none: each job has its own. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from msgspec import Struct

from ringback.catalogue.parameter import Parameter

SEED = "seed"
_HIGHEST = 2**32 - 1  # the range that every sampler accepts


class SeedRange(Struct, frozen=True, kw_only=True):
    """The lowest and the highest seed that a model takes."""

    lowest: int = 0
    highest: int = _HIGHEST

    def drawn(self, job_id: str) -> int:
        """Return the seed of that job: the same in each of its runs."""
        digest = hashlib.sha256(job_id.encode()).digest()
        return self.lowest + int.from_bytes(digest[:8]) % (self.highest - self.lowest + 1)


def seed_range(parameters: Mapping[str, Parameter]) -> SeedRange | None:
    """Return the range of a model's seeds, or None if it takes none that can be drawn."""
    seed = parameters.get(SEED)
    if seed is None or seed.type not in ("number", "integer") or seed.enum is not None:
        return None
    lowest = max(0, 0 if seed.min is None else int(seed.min))
    highest = min(_HIGHEST, _HIGHEST if seed.max is None else int(seed.max))
    return SeedRange(lowest=lowest, highest=highest) if lowest <= highest else None
