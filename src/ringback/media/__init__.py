"""What a stranger's file is: its type by its content, its sizes by its header, and the same file
without what it tells about its maker.

``look`` is the way in. It and all below it are pure functions of bytes, read within bounds, that
raise ``InvalidMedia`` and nothing else; ``inspector`` runs them in a process of their own.
"""
