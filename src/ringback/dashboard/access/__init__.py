"""Login, sessions and the headers that protect the pages."""
