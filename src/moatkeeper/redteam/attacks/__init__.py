"""One attack a file; each says its paper and its deviations from it."""
