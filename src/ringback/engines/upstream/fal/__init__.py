"""The adapter for fal's queue API."""
