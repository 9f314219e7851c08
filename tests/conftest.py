from __future__ import annotations

import logging

import structlog
from hypothesis import settings

# What is said of every single attempt would be most of a failing test's output.
structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.INFO))

# A deadline for each example would be a timed test, which a busy machine fails at random.
settings.register_profile("ringback", deadline=None)
settings.load_profile("ringback")
