"""The adapter for Replicate's predictions of hosted models and deployments."""
