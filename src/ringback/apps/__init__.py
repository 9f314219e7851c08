"""Node apps: graphs of steps that are pushed once and executed as jobs. Pure; no HTTP, no store."""
