"""Moatkeeper keeps a machine-learning model from being copied through its own API."""

__version__ = "0.1.0"
