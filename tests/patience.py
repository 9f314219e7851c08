"""How long tests wait, in one place."""

SOON_S = 30.0
"""The timeout of waits that end at once on an idle machine."""
