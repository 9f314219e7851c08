"""The loops that keep the database well: rescue, pruning, indexing, bulk operations."""
