"""The receiver kit: verify webhooks, handle each once, and answer before the work begins."""
