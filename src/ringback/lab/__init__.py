"""The fault lab: what developers do to their own webhooks, to see how their programs fare."""
