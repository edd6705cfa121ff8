"""Layer 3: output obfuscation. Only what the contract promises goes out, from the first query."""
