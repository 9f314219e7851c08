"""Clips: the scene of a prompt, in layers that move, encoded frame by frame."""
