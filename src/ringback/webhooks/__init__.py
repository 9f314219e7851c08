"""Webhook deliveries: fan-out, schedule, outcome of an attempt, and the dispatcher."""
