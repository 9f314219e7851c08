"""Enhancing: a given picture made larger and cleaner, tile by tile, by classical means."""
