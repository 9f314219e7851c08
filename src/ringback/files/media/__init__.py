"""Media types and metadata: a file's type by its content, its size by its header, a safe copy.

``parsing`` is the entry point. It and the format modules are pure functions of bytes with bounded
work, and raise only ``InvalidMedia``; ``inspector`` runs them in processes of their own.
"""
