"""Clips: a prompt's scene in moving layers, encoded frame by frame."""
