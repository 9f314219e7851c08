"""Styles: what pictures have in common, learned from some and put on others."""
