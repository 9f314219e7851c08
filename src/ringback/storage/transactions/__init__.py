"""The commits, each a generator of statements that both databases run."""
