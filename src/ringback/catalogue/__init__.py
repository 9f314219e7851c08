"""The models: what each takes, what it costs and which engine serves it.

``models/`` is the data, one file per provider; ``files`` reads it, ``catalogue`` answers for it,
``openapi`` tells the world.
"""
