"""What is kept can be believed: one canonical byte form, and a chain of digests over it. Pure: the store writes it down."""
