"""The public job document and the webhook signature; only the standard library is imported."""
