"""The hunt itself: logs gathered, something to compare with, all parts of the accounts looked at, and the findings together."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from moatkeeper.errors import CalibrationError
from moatkeeper.hunt.comparing import FOLDS, MOST_LEFT_OUT, Fold, Sample, SampleJob, fit, fold_of, load, sample, share_of
from moatkeeper.hunt.findings import Basis, HuntFindings, ModelFindings, Ring
from moatkeeper.hunt.looking import Looked, LookJob, look
from moatkeeper.hunt.ranking import ranked
from moatkeeper.hunt.rings import RingJob, test_window, together
from moatkeeper.patterns.batch import Batch, joined
from moatkeeper.patterns.evidence import ALPHA
from moatkeeper.patterns.finding import Finding
from moatkeeper.patterns.traits import Traits
from moatkeeper.store.logs.base import LogForm
from moatkeeper.store.logs.faults import in_words
from moatkeeper.store.logs.gather import MEMORY_MB, WORKERS, Gathering, Tell
from moatkeeper.store.logs.parts import MOST_ROWS
from moatkeeper.store.logs.piece_reader import Window
from moatkeeper.store.logs.sheet import NOTHING, TEXTS, Heap

SHOWN = 20
"""Accounts that are listed beyond those that are named."""
WINDOW_NOTES = 3
"""Of what is said about windows, that is repeated."""
LEAST_ROWS = 200
"""Rows of a model below which nothing can be learned (patterns/encoder.py)."""


ALWAYS = Window()


@dataclass(frozen=True, slots=True)
class Quarry:
    """What is hunted in, and how."""

    logs: tuple[Path, ...]
    form: LogForm | None = None
    calibration: Path | None = None
    model: str | None = None
    window: Window = ALWAYS
    alpha: float = ALPHA
    temporary: Path | None = None
    memory_mb: int = MEMORY_MB
    workers: int = WORKERS


def hunt(quarry: Quarry, tell: Tell | None = None) -> HuntFindings:
    """What is found in the logs; raises UsageError, CalibrationError, MissingExtra or StoreError."""
    began = time.perf_counter()
    if quarry.calibration is not None:
        load(quarry.calibration)  # before anything is read, so that no minute is lost to a file that is broken
    with Gathering(quarry.temporary, quarry.memory_mb, quarry.workers) as gathering:
        gathering.read(quarry.logs, quarry.form, quarry.window, tell)
        pursuits = [_Pursuit(quarry, gathering, heap, tell) for heap in _usual(gathering.heaps) if _wanted(quarry, heap)]
        models = tuple(pursuit.run() for pursuit in pursuits)
        notes = [
            *(form.holds for form in gathering.forms),
            *in_words(gathering.tally, _duplicates(pursuits), _odd(gathering.heaps)),
        ]
        return HuntFindings(
            tuple(map(str, quarry.logs)),
            tuple(form.name for form in gathering.forms),
            gathering.tally.exchanges,
            gathering.tally.rows,
            quarry.alpha,
            models,
            tuple(notes),
            time.perf_counter() - began,
        )


class _Pursuit:
    """The hunt in the rows of one model."""

    def __init__(self, quarry: Quarry, gathering: Gathering, heap: Heap, tell: Tell | None) -> None:
        self._quarry = quarry
        self._gathering = gathering
        self._heap = heap
        self._tell = tell
        self.looked = Looked()

    def run(self) -> ModelFindings:
        """What is found there."""
        heap, quarry = self._heap, self._quarry
        notes = [_CONTENTLESS] if heap.shape == NOTHING else []
        if heap.rows < LEAST_ROWS:
            notes.append(f"{heap.rows} rows, expected at least {LEAST_ROWS}: too few to learn what is ordinary")
            return self._findings(Basis.NOTHING, [], notes)
        if quarry.calibration is not None:
            model = load(quarry.calibration).profile.model
            if model not in ("", heap.model) and quarry.model is None:
                notes.append(f"the calibration is of the model {model!r}; name this one with --model to use it all the same")
                return self._findings(Basis.NOTHING, [], notes)
            return self._compared(Basis.FILE, (quarry.calibration,), notes)
        samples = self._sample()
        batches = [batch for part in samples for batch in part.batches]
        if not batches:
            return self._findings(Basis.NOTHING, [], notes)
        traits = {name: known for part in samples for name, known in part.traits.items()}
        failed, files = self._cross_fit(batches, traits, notes)
        if files:
            return self._compared(Basis.CROSS_FIT, files, [*notes, _CROSS_FIT])
        return self._ranked(batches, [*notes, f"only ranked: {failed}"])

    def _sample(self) -> list[Sample]:
        width = 1 if self._heap.shape in (TEXTS, NOTHING) else int(self._heap.shape.split("-")[1])
        share = share_of(self._heap.rows, width)
        jobs = [SampleJob(job, share) for job in self._gathering.jobs(self._heap)]
        return list(self._gathering.map(sample, jobs, "learning", self._tell))

    def _cross_fit(
        self, batches: Sequence[Batch], traits: Mapping[str, Traits], notes: list[str]
    ) -> tuple[str, tuple[Path, ...]]:
        """Why there is no calibration, or the files of those of the folds."""
        everyone = joined(batches)
        folds = fold_of(everyone.names)
        files = [self._gathering.folder / f"{self._heap.folder}-{self._heap.shape}-{number}" for number in range(FOLDS)]
        jobs = [_fold(self._heap, everyone.of_accounts(folds == number), traits, file) for number, file in enumerate(files)]
        fitted = list(self._gathering.map(fit, jobs, "calibrating", self._tell))
        failed = [one.why for one in fitted if one.why]
        odd = max(fitted, key=lambda one: one.left_out)
        if odd.left_out:
            few = odd.left_out <= MOST_LEFT_OUT * odd.windows
            told = "what is ordinary was learned without them" if few else "too many to say which are ordinary"
            notes.append(f"{odd.left_out} of {odd.windows} stretches of time are unlike the others: {told}")
        return (failed[0], ()) if failed else ("", tuple(files))

    def _compared(self, basis: Basis, files: tuple[Path, ...], notes: list[str]) -> ModelFindings:
        windows = self._gathering.folder / f"windows-{self._heap.folder}-{self._heap.shape}"
        jobs = [LookJob(job, files, self._quarry.alpha, windows) for job in self._gathering.jobs(self._heap)]
        for part in self._gathering.map(look, jobs, "looking", self._tell):
            _add(self.looked, part)
        rings = self._rings(files, windows, notes)
        least = max(load(file).least_alpha for file in files)
        if least > self._quarry.alpha:
            notes.append(
                f"there are too few accounts to name anybody at a rate of {self._quarry.alpha:g}: the least that can be stated"
                f" is {least:.2g}; the accounts are only ranked"
            )
        return replace(self._findings(basis, self.looked.findings, notes), rings=rings)

    def _rings(self, files: Sequence[Path], windows: Path, notes: list[str]) -> tuple[Ring, ...]:
        """Every window tested for rings."""
        gathering = self._gathering
        jobs = [
            RingJob(
                key,
                windows,
                files[key.calibration],
                self._heap.first_at,
                gathering.folder,
                gathering.parts,
                gathering.memory_mb,
            )
            for key in sorted(self.looked.windows)
        ]
        tested = list(gathering.map(test_window, jobs, "looking for rings", self._tell))
        if not tested:
            notes.append("no window of time could be tested for rings")
        told = Counter(note for one in tested for note in one.notes)
        notes += [f"{count} of {len(tested)} windows: {note}" for note, count in told.most_common(WINDOW_NOTES)]
        return together(one.ring for one in tested if one.ring is not None)

    def _ranked(self, batches: Sequence[Batch], notes: list[str]) -> ModelFindings:
        everyone = joined(batches)
        self.looked.accounts = len(everyone.names)
        try:
            found = ranked(self._heap.model, everyone, SHOWN)
        except CalibrationError as error:
            return self._findings(Basis.NOTHING, [], [*notes, error.message])
        return self._findings(Basis.RANKS, found, notes)

    def _findings(self, basis: Basis, found: Sequence[Finding], notes: list[str]) -> ModelFindings:
        looked = self.looked
        named = tuple(finding for finding in found if finding.evidence >= 1 / self._quarry.alpha)
        others = tuple(finding for finding in found if finding.evidence < 1 / self._quarry.alpha)[:SHOWN]
        if looked.named > len(named):
            notes.append(f"{looked.named - len(named):,} more accounts are as strange as those named, and not listed")
        if looked.beyond:
            notes.append(f"{looked.beyond:,} rows come after the first {MOST_ROWS:,} of their accounts, and were only counted")
        if looked.other_shape:
            notes.append(f"{looked.other_shape:,} rows are of another kind than the calibration's, and were not looked at")
        few = looked.accounts - looked.compared
        if basis in (Basis.FILE, Basis.CROSS_FIT) and few:
            notes.append(f"{few:,} of {looked.accounts:,} accounts have too few rows to be compared with anybody")
        heap = self._heap
        return ModelFindings(heap.model, heap.rows, looked.accounts, looked.compared, basis, (), named, others, tuple(notes))


_CONTENTLESS = (
    "the log says nothing of what was asked or answered: only when and how regularly accounts called can be looked at"
)
_CROSS_FIT = (
    "each half of the accounts was compared with the other: this ranks within the log. Thieves in it make theft look usual, so"
    " some are missed who would not be with a calibration on honest traffic (moatkeeper calibrate); the stated rate of false"
    " alarms holds for honest accounts that are like most others here"
)


def _usual(heaps: Sequence[Heap]) -> list[Heap]:
    """For each model the heap of its usual shape, most rows first."""
    usual: dict[str, Heap] = {}
    for heap in heaps:  # in the order of rows
        usual.setdefault(heap.model, heap)
    return list(usual.values())


def _odd(heaps: Sequence[Heap]) -> dict[str, int]:
    """Rows by model that are not of its usual shape, or whose answers are not."""
    usual = {heap.model: heap for heap in _usual(heaps)}
    odd: dict[str, int] = {}
    for heap in heaps:
        count = (
            heap.rows if heap is not usual[heap.model] else sum(heap.answers.values()) - max(heap.answers.values(), default=0)
        )
        if count:
            odd[heap.model] = odd.get(heap.model, 0) + count
    return odd


def _wanted(quarry: Quarry, heap: Heap) -> bool:
    return quarry.model is None or heap.model == quarry.model


def _duplicates(pursuits: Sequence[_Pursuit]) -> int:
    return sum(pursuit.looked.duplicates for pursuit in pursuits)


def _fold(heap: Heap, batch: Batch, traits: Mapping[str, Traits], file: Path) -> Fold:
    known = {name: traits[name] for name in batch.names if name in traits}
    return Fold(heap.model, batch, known, file, heap.shape == NOTHING)


def _add(total: Looked, part: Looked) -> None:
    for name in ("accounts", "rows", "beyond", "duplicates", "compared", "named", "other_shape"):
        setattr(total, name, getattr(total, name) + getattr(part, name))
    total.windows |= part.windows
    total.findings = sorted([*total.findings, *part.findings], key=lambda finding: -finding.evidence)
