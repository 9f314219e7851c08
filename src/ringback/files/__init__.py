"""Files: artifacts that jobs produce, assets that users upload, and their media types."""
