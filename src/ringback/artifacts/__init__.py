"""Produced files: ``contract`` says what a store of them promises; ``local`` keeps a directory."""
