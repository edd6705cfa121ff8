"""Settings: one declaration each, read from moatkeeper.toml, turned into a Guard policy."""
