"""Upstream engines run jobs at a provider: one runner for all, one adapter per provider.

``registry`` names the adapters, ``provider`` has their protocol, ``runner`` drives one.
"""
