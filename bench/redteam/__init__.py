"""Benchmarks of the red team: reproductions beside their published figures."""
