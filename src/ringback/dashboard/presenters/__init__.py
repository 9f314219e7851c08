"""Presenters turn domain values into values for templates: cards, charts, timelines, snippets."""
