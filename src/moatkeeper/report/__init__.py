"""Documents for people: what was measured, as pages that can be shown and files that can be read."""
