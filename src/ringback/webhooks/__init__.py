"""Webhook deliveries: what is owed, when to try, what an answer means, and who sends."""
