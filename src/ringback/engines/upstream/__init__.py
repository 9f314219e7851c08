"""Engines that have jobs made elsewhere: one runner for all, and an adapter for each provider."""
