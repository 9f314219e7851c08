"""Shows pictures in terminals that support it."""
