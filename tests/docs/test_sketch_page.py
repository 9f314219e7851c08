"""What docs/sketch.md says of the models' parameters is complete."""

from __future__ import annotations

import pytest

from ringback.catalogue.catalogue import Catalogue
from ringback.catalogue.model import Model
from tests.docs.pages import page

MADE = [model for model in Catalogue.load() if model.kind in ("video", "enhance")]


def section(heading: str) -> str:
    _, _, rest = page("docs/sketch.md").partition(f"\n## {heading}\n")
    return rest.partition("\n## ")[0]


@pytest.mark.parametrize("model", MADE, ids=lambda model: model.id)
def test_every_parameter_of_clips_and_enhancements_is_explained(model: Model) -> None:
    of_clip = "Enhanced clips" if "video_url" in model.parameters else "Enhancements"
    text = section("Clips" if model.kind == "video" else of_clip)
    missing = [name for name in model.parameters if f"`{name}`" not in text]
    assert missing == []
