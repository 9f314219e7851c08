from __future__ import annotations

import logging

import structlog

# What is said of every single attempt would be most of a failing test's output.
structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.INFO))
