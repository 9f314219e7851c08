"""Adapters make a receiver a view of a web framework; each imports only its own framework."""
