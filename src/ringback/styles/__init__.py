"""Styles that were trained: what one is, who may use it, and what is remembered of them."""
