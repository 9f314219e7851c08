"""The sketch engine draws images and clips by rules, without weights or a network."""
