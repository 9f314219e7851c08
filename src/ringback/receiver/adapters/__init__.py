"""A receiver as a view of the web framework at hand; each module imports its framework alone."""
