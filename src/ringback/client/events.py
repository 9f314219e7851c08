"""The names of events, as servers tell them."""

from __future__ import annotations

ENDS = ("job.completed", "job.failed", "job.cancelled")
"""A job's ends: what every webhook is told unless it asks for something else."""

PASSING = ("job.backlogged", "job.started", "job.progress")
"""What comes before a job's end, and is told to nobody any more after it."""
