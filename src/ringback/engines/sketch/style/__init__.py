"""Styles: features extracted from images and applied to others."""
