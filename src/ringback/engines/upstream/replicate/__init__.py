"""Replicate: predictions of hosted models, and of one's own deployments."""
