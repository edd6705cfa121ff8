"""Settings of layer 2: what detectors know, how surely an account must stand out, and who decides what then happens."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from moatkeeper.config.quantities import Seconds, Section, Size, Takes
from moatkeeper.core.judgement import Standing
from moatkeeper.guard.ladder import Rules

Alpha = Annotated[float, Field(gt=0, lt=1), Takes("a share above 0 and below 1")]


class RecordSettings(Section):
    """The exchange log: inputs and true answers in plain text, to hunt in, and for the examples that explain a standing."""

    enabled: bool = Field(
        default=False, description="Write it. True: whoever reads the data folder reads your customers' inputs."
    )
    file_bytes: Size = Field(default=64 * 2**20, description="A new file is begun at this size, and every day.")
    total_bytes: Size = Field(default=2**30, description="The oldest files go beyond this. Larger: a longer past to hunt in.")
    queue_bytes: Size = Field(
        default=16 * 2**20, description="What may wait for the disk; beyond it exchanges are counted, not written."
    )


class PatternsSettings(Section):
    """Query pattern analysis: begins with a file that `moatkeeper calibrate` writes, and in shadow mode."""

    mode: Literal["shadow", "act"] = Field(
        default="shadow",
        description="`shadow` reports how standings would change; `act` changes them as far as `automatic` says.",
    )
    calibrations: Path | None = Field(
        default=None,
        strict=False,
        description="Folder of calibration files, one a model; without it, `calibrations` in the data folder.",
    )
    watched_at: Alpha = Field(
        default=0.05,
        description="Share of honest accounts that may ever be watched. Larger: more of them are, and thieves are earlier.",
    )
    restricted_at: Alpha = Field(
        default=0.01, description="Share of honest accounts that may ever be restricted. Larger: the same."
    )
    named_at: Alpha = Field(
        default=0.001, description="Share of honest accounts whose suspension may ever be proposed. Larger: the same."
    )
    automatic: Literal["good", "watched", "restricted", "suspended"] = Field(
        default="restricted",
        description="The furthest standing that needs no person; suspension beyond it is proposed. `good`: everything is.",
    )
    down_after: Seconds = Field(
        default=14 * 86_400.0,
        description="Time on a rung before one step down. Larger: a thief rests longer, so does a customer who was wronged.",
    )
    quiet_looks: int = Field(default=2, ge=1, le=13, description="Looks in a row that must be quiet before a step down.")
    hold: Seconds = Field(
        default=30 * 86_400.0, description="How long an undo keeps an account from being raised again, unless evidence doubles."
    )
    most_cases: int = Field(
        default=20_000, ge=100, description="Accounts kept in memory, at up to 8 KB; the others lie in the database."
    )
    record: RecordSettings = Field(default=RecordSettings(), description="The exchange log.")

    @model_validator(mode="after")
    def _surer_for_more(self) -> Self:
        if not self.named_at <= self.restricted_at <= self.watched_at:
            raise ValueError(
                f"found named_at {self.named_at:g}, restricted_at {self.restricted_at:g} and watched_at {self.watched_at:g}, "
                "expected each at most as large as the next"
            )
        return self


def rules(settings: PatternsSettings) -> Rules:
    """The ladder's rules."""
    return Rules(
        act=settings.mode == "act",
        watched_at=settings.watched_at,
        restricted_at=settings.restricted_at,
        named_at=settings.named_at,
        automatic=Standing(settings.automatic),
        down_after_s=settings.down_after,
        quiet_looks=settings.quiet_looks,
    )
