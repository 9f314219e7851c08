"""Where a receiver remembers what it was told, and what it still has to do about it."""
