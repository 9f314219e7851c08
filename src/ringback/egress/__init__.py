"""The only opener of connections to users' URLs: webhooks, and input images that jobs name."""
