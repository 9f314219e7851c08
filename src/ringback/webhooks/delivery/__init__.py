"""Delivery: from a claimed delivery to its recorded attempt."""
