"""The engine: admit, release, settle, observe. It knows no clock, network, disk or global randomness."""
