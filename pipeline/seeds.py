"""Seeds by axis, derived from named parts and never from the variant, so that variants are paired by replicate."""

import hashlib
from dataclasses import dataclass

from pipeline.records import Phase


@dataclass(frozen=True)
class Seeds:
    """One seed for each source of chance in a run."""

    split: int
    batches: int
    weights: int
    dropout: int


def derive(*parts: object) -> int:
    """Return a seed in `0 .. 2**31 - 1` from named parts; equal parts give equal seeds on every machine."""
    text = "\x1f".join(str(part) for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") & 0x7FFFFFFF


def seeds_of(study_seed: int, dataset: str, phase: Phase, number: int) -> Seeds:
    """Return the seeds of replicate (or tuning seed) `number`; trials and replicates never share one.

    The split is the study's own, not the phase's: what a search has validated on must not become training data of
    another replicate, or the choice would leak.
    """
    chance = (study_seed, dataset, phase, number)
    return Seeds(
        split=derive(study_seed, dataset, "split"),
        batches=derive(*chance, "batches"),
        weights=derive(*chance, "weights"),
        dropout=derive(*chance, "dropout"),
    )
