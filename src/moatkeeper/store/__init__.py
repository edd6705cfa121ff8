"""Where state lives between queries: in memory and in SQLite. The only disk below serve."""
