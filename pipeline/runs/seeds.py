"""Seeds by source of randomness, never derived from the variant, so that variants are paired by replicate."""

import hashlib
from dataclasses import dataclass

from pipeline.runs.records import RunKind


@dataclass(frozen=True)
class Seeds:
    """One seed for each source of randomness in a run."""

    split: int
    batches: int
    weights: int
    dropout: int


def derive(*parts: object) -> int:
    """Return a seed in `0 .. 2**31 - 1` derived from `parts`; equal parts have equal seeds on every machine.

    Example:
        >>> derive(0, "digits", "split")
        468356677
    """
    text = "\x1f".join(str(part) for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") & 0x7FFFFFFF


def seeds_of(study_seed: int, dataset: str, kind: RunKind, number: int) -> Seeds:
    """Return the seeds of replicate (or tuning seed) `number`; trials and replicates never share seeds, except the split.

    The whole study has one split: data on which a search has validated must not be training data of a replicate, or the
    choice would leak.
    """
    parts = (study_seed, dataset, kind, number)
    return Seeds(
        split=derive(study_seed, dataset, "split"),
        batches=derive(*parts, "batches"),
        weights=derive(*parts, "weights"),
        dropout=derive(*parts, "dropout"),
    )
