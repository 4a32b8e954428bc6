"""How long work takes here: as measured on one machine, corrected by how long sessions on this one took."""

from collections.abc import Sequence
from dataclasses import asdict, astuple, dataclass
from time import perf_counter

from pipeline.core.machine import cores, processor
from pipeline.engine.measured import SECONDS_PER_OPERATION, SECONDS_PER_STEP
from pipeline.params.types.study import Study
from pipeline.planning.cost import Work
from pipeline.store.journal import Session

TRUST = 0.05
"""How strongly learning holds on to the speeds measured elsewhere, against one session here."""
START_TRUST = 0.3
"""The same for starting, against a session that is nothing but that."""
LEAST, TINY = 0.05, 1e-9
"""The least part of a session that counts as work, and the least work."""
FADING = 0.7
"""The weight of a session relative to the next one."""
CHORES = 20_000
SECONDS_OF_CHORES = 4.8e-3
"""What `slowness` takes on the machine of `MEASURED`: about 1.6 times less than on the one where this was measured."""
RANGE = (0.1, 10.0)
"""How much faster or slower than all together a part of the work can be found."""
NEWEST = 20
"""Sessions that are learnt from."""


@dataclass(frozen=True)
class Speed:
    """Seconds: to start, for a graph, a step of a model (besides its operations), an operation, one of a convolution."""

    start: float
    graph: float
    step: float
    dense: float
    convolved: float

    def seconds(self, work: Work) -> float:
        """Return how long work takes, without starting."""
        return (
            work.graphs * self.graph
            + work.steps * self.step
            + work.dense * self.dense
            + work.convolved * self.convolved
        )


MEASURED = Speed(start=6.0, graph=0.8, step=SECONDS_PER_STEP, dense=SECONDS_PER_OPERATION, convolved=1 / 45e9)
"""On a machine with two cores (docs/performance.md)."""


def slowness(repeats: int = 5) -> float:
    """Measure how many times longer a little work in Python takes than on the machine of `MEASURED`.

    Tracing and compiling, which is most of what short trainings take, depends on the processor in about the same way. The
    least of several times counts: others are those of a machine that is busy.
    """
    times = []
    for _ in range(repeats):
        started = perf_counter()
        names: dict[str, int] = {}
        for number in range(CHORES):
            names[str(number)] = len(names) + hash((number, "x")) % 7
        sorted(names.values())
        times.append(perf_counter() - started)
    return min(times) / SECONDS_OF_CHORES


def guessed(factor: float) -> Speed:
    """Return the speed of a machine on which all takes `factor` times as long as `MEASURED`."""
    return Speed(*(factor * value for value in astuple(MEASURED)))


def place(study: Study) -> str:
    """Return what decides the speed of a study's training besides its work: sessions elsewhere teach nothing."""
    executor = study.executor.kind if study.executor.kind == "local" else study.executor.model_dump_json()
    return f"{processor()}, {cores()} cores, {executor}, {study.engine}, {study.precision}"


def as_journal(work: Work, where: str) -> dict[str, float | str]:
    """Return work as sessions of the journal have it."""
    return {**asdict(work), "where": where}


def learned(sessions: Sequence[Session], where: str) -> Speed:
    """Return the speed that explains how long past sessions took, the oldest first; before any, a guess.

    Their geometric mean of time over `MEASURED` is how much slower this machine is in all, starting apart: long sessions
    hardly say how long that takes. A ridge regression of relative errors finds in which parts more so.
    """
    known = [session for session in sessions if session.work and session.work.get("where") == where][-NEWEST:]
    if not known:
        return guessed(slowness())
    import numpy as np

    rows = np.array([_parts(session) for session in known])
    weights = FADING ** np.arange(len(known))[::-1]
    of_start = weights * rows[:, 0] / rows.sum(axis=1)
    starts = np.exp(-(of_start @ np.log(rows.sum(axis=1))) / (of_start.sum() + START_TRUST))
    left = np.maximum(1 - starts * rows[:, 0], LEAST)
    works = np.exp(np.average(np.log(left / np.maximum(rows[:, 1:].sum(axis=1), TINY)), weights=weights))
    slower = np.array([starts, *[works] * (rows.shape[1] - 1)])
    rows = slower * rows
    square = rows.T @ (weights[:, None] * rows) + TRUST * np.eye(rows.shape[1])
    factors = np.clip(np.linalg.solve(square, rows.T @ weights + TRUST), *RANGE)
    return Speed(*(float(value) for value in slower * factors * np.array(astuple(MEASURED))))


def _parts(session: Session) -> list[float]:
    """Return how long each part of a session's work takes by `MEASURED`, as a fraction of how long the session took."""
    work = session.work or {}
    counts = [1.0, *(float(work[name]) for name in ("graphs", "steps", "dense", "convolved"))]
    return [
        count * value / max(session.seconds, 0.1)
        for count, value in zip(counts, astuple(MEASURED), strict=True)
    ]
