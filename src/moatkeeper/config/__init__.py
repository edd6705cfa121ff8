"""Configuration: settings declared once, read from one TOML file, turned into the engine's policy."""
