"""What is wrong with a webhook's signature, found by trying what goes wrong in practice."""
