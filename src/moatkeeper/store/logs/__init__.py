"""Past logs of many forms as the same columns: one file a form, and one engine that sorts them by account and time."""
