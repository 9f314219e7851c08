"""What crosses the wire: the public job document and the signature. Standard library only."""
