"""The catalogue of models: their inputs, their prices and their engines.

``models/`` holds the data, one file per provider; ``toml_files`` reads it, and ``catalogue`` finds
models and validates their inputs.
"""
