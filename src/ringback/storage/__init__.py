"""Stores: ``contract`` says what one promises; ``sqlite`` is the one that needs no server."""
