"""Files that users upload for jobs to use: what one is, and what is remembered of them."""
