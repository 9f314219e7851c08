"""Meshes: things from prompts and reliefs from pictures, written as GLB."""
