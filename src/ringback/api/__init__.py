"""The HTTP API: ``app`` has the route table, ``openapi`` its description."""
