"""The commands, a module each, imported by name when they are called."""
