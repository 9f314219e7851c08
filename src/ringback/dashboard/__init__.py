"""The dashboard: pages under /ui that show and do the same as the API.

The pages call the services as the API does and never the storage. Every page works without
JavaScript; scripts keep it up to date.
"""
