"""Mergeable summaries of streams: numbers in, a fixed few bytes out, and no word about models or customers."""
