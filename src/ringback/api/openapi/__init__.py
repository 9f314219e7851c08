"""The description that /openapi.json serves."""
