"""Deadlines and fair limits for the tasks of one event loop."""
