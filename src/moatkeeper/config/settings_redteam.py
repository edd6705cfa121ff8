"""Settings of the red team: what it may attack."""

from __future__ import annotations

from pydantic import Field

from moatkeeper.config.quantities import Section


class RedteamSettings(Section):
    """What `moatkeeper attack` may be let loose on. This machine needs no word."""

    ownership: str = Field(
        default="",
        description=(
            "A statement that names each other host that you own or were asked in writing to test; it is noted in the ledger."
        ),
    )
