"""Wire formats: bytes to values and back, one file a protocol, without I/O."""
