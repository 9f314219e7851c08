"""HTTP parts that the API, the dashboard and MCP share: server, auth, errors, bodies, streams."""
