"""Ringback for language models: its verbs as tools of the Model Context Protocol."""
