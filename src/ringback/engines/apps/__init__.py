"""Runs of node apps: an engine whose work is to have steps done by others."""
