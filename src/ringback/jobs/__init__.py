"""The job, its nine statuses, and the table of transitions between them."""
