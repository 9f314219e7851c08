"""Trained styles: their values, their access rules and their store."""
