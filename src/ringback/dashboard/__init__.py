"""The page: what the API does, to look at. Views, templates and static files, served under /ui.

It drives the service as the API does and knows no storage. Every page reads without JavaScript;
scripts make it live.
"""
