"""The composition root: the only room that names concrete adapters and starts a server."""

from ringback.app.adapters import open_store
from ringback.app.app import DEV_WORKSPACE, App
from ringback.app.serving import Address, run, serve

__all__ = [
    "DEV_WORKSPACE",
    "Address",
    "App",
    "open_store",
    "run",
    "serve",
]
