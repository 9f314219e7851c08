"""fal: models behind a queue."""
