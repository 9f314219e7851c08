"""The secrets and keys that sign webhooks, and how they are sealed and rotated."""
