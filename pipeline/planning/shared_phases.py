"""Phases with which several runs begin are trained once, as a run of their own; this decides which, and in which order."""

from collections import Counter, deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from pipeline.runs.run import Run


@dataclass(frozen=True)
class Step:
    """A run that can be trained now, and the stored one whose phases it goes on from, if any.

    `runs`: how many runs share the time of that one.
    """

    run: Run
    beginning: Run | None = None
    runs: int = 1


def steps(
    runs: Sequence[Run], stored: Collection[str], wholes: Mapping[str, Run] | None = None
) -> list[Step]:
    """Return what can be trained now to train `runs`: each of them, or what several of them, or none yet, begin with.

    A run goes on from the longest of its beginnings that is stored or that another run shares. `wholes` are runs that are
    themselves the beginning of others, by the key of `whole`: those go on from them, once they are stored. The same
    missing runs and the same store give the same steps.
    """
    known = {*stored, *(run.key for run in runs)}
    wholes = {key: run for key, run in (wholes or {}).items() if run.key in known}
    counts = Counter(
        run.beginning(count).key for run in runs for count in range(1, len(run.phases)) if run.until is None
    )
    found: dict[str, Step] = {}
    waiting = deque(runs)
    while waiting:
        run = waiting.popleft()
        if run.key in found:
            continue
        beginning = _shared_beginning(run, counts, stored, wholes)
        if beginning is None or beginning.key in stored:
            found[run.key] = Step(run, beginning, _sharing(beginning, counts) if beginning else 1)
        else:
            waiting.append(beginning)
    return list(found.values())


def _sharing(beginning: Run, counts: Counter[str]) -> int:
    """Return how many runs share the time of a beginning: those that go on from it, and itself where it is one of them."""
    return max(1, counts[beginning.key] if beginning.until is not None else counts[whole(beginning)] + 1)


def _shared_beginning(
    run: Run, counts: Counter[str], stored: Collection[str], wholes: Mapping[str, Run]
) -> Run | None:
    """Return the longest beginning of a run that is worth a run of its own, or that there is already."""
    fewest = counts[run.key] if run.until is not None else 1
    for count in reversed(range(1, len(run.phases))):
        beginning = run.beginning(count)
        if beginning.key in wholes:
            return wholes[beginning.key]
        if beginning.key in stored or counts[beginning.key] > fewest:
            return beginning
    return None


def whole(run: Run) -> str:
    """Return the key that a run has as the beginning of others."""
    return run.beginning(len(run.phases)).key


def beginnings_of(run: Run) -> list[str]:
    """Return the keys of all beginnings of a run, which the store may have."""
    return [run.beginning(count).key for count in range(1, len(run.phases))]
