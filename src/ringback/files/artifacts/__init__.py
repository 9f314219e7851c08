"""Artifact stores: ``contract`` is the port; ``local`` and ``s3`` implement it."""
