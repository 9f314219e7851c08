"""Engines turn a generation request into artifacts; ``contract`` says how, each folder is one."""
