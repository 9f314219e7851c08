"""The client on an event loop: the source of which ``sync`` is made."""
