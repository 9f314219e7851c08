"""The HTTP face: ``app`` is the route table; ``errors`` turns exceptions into answers."""
