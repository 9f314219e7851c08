"""Rows and statements: domain values to SQL and back."""
