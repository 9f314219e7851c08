"""Assets: files that users upload for jobs to use."""
