"""The layers of images, from back to front; ``compose`` has the recipes."""
