"""The API objects as JSON documents, and the structs of request bodies."""
