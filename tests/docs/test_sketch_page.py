"""What docs/sketch.md says of the models' parameters is complete."""

from __future__ import annotations

import pytest

from ringback.catalogue.catalogue import Catalogue
from ringback.catalogue.model import Model
from tests.docs.pages import page

SECTIONS = {"video": "Clips", "enhance": "Enhancements", "audio": "Sounds"}
MADE = [model for model in Catalogue.load() if model.kind in SECTIONS]


def section(heading: str) -> str:
    _, _, rest = page("docs/sketch.md").partition(f"\n## {heading}\n")
    return rest.partition("\n## ")[0]


@pytest.mark.parametrize("model", MADE, ids=lambda model: model.id)
def test_every_parameter_of_clips_sounds_and_enhancements_is_explained(model: Model) -> None:
    text = section(SECTIONS[model.kind])
    missing = [name for name in model.parameters if f"`{name}`" not in text]
    assert missing == []
