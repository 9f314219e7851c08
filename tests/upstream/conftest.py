"""A runner with a scripted provider, in a time that tests move."""

from __future__ import annotations

import pytest
from upstream.world import World


@pytest.fixture
def world() -> World:
    """The runner's surroundings."""
    return World()
