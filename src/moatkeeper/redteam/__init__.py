"""Thieves of our own: attacks, and the harness that keeps score of them."""
