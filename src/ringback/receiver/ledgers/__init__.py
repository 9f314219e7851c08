"""Ledgers store a receiver's receipts and which of them still have to be handled."""
