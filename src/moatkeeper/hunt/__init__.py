"""The hunt: months of past logs through the same detectors, without moving any traffic."""
