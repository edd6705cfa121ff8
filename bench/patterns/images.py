"""Not measured yet."""


def cases(*, quick: bool) -> tuple[tuple[str, ...], ...]:
    """None."""
    return ()
