"""The types of job events."""

from __future__ import annotations

ENDS = ("job.completed", "job.failed", "job.cancelled")
"""The terminal events; every webhook gets them unless it selects others."""

INTERIM = ("job.backlogged", "job.started", "job.progress")
"""The events before a job's end; none is sent after it."""
