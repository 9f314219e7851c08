"""The job, its nine statuses, and the one table of what may follow what."""
