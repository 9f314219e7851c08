"""Enhancement: an image is enlarged and cleaned, tile by tile, by classical methods."""
