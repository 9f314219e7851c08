"""Functions of commands that open the data directory or the database themselves."""
