"""The engine of node apps: it runs the steps of a graph as jobs of other engines."""
