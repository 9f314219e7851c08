"""Enhances clips: larger, cleaner, with more frames, in the requested codec."""
