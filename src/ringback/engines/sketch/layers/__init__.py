"""What pictures are made of, from the back to the front; ``compose`` has the recipes."""
