"""Fixtures: a runner with a scripted provider, on a clock that tests advance."""

from __future__ import annotations

import pytest

from tests.engines.upstream.world import World


@pytest.fixture
def world() -> World:
    """The runner with its collaborators."""
    return World()
