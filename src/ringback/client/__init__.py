"""The client library: it submits jobs to a compatible server and gets their results."""
