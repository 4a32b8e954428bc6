"""Runs in training, shown in MLflow as RUNNING with their curves so far, until they have finished."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

from pipeline.records import Curves
from pipeline.tracking.payload import curve_points, params, tags
from pipeline.tracking.project import Projection
from pipeline.tracking.wanted import WantedRun, wanted

MOST_SHOWN = 24
"""A stack may train hundreds of runs at once; the first of them show how it goes at a bearable price."""


@dataclass
class ShownRun:
    """One RUNNING run in MLflow: its id there, since when (milliseconds), how many epochs were sent."""

    run_id: str
    run_key: str
    started: int
    epochs: int


class LiveRuns:
    """The runs in training that one projection shows."""

    def __init__(self, projection: Projection) -> None:
        self._projection = projection
        self._seen: set[str] = set()
        self._shown: dict[tuple[str, str], ShownRun] = {}

    def has_news(self) -> bool:
        """Return whether anything is in training, or shown so."""
        return bool(self._shown or self._projection.store.live())

    def show(self) -> None:
        """Bring MLflow up to date; a run is shown when seen twice, so that short runs cost nothing."""
        store = self._projection.store
        live = {key: curves for key, curves in store.live().items() if key not in store}
        self._withdraw(
            self._shown.keys() - {place for place, run in self._shown.items() if run.run_key in live}
        )
        for run in self._candidates(live.keys() & self._seen):
            self._update(run, live[run.run_key])
        self._seen = set(live)

    def clear(self) -> None:
        """Take back everything that is shown, since training has ended."""
        self._withdraw(set(self._shown))

    def _candidates(self, keys: set[str]) -> Iterator[WantedRun]:
        runs = (
            run for experiment in wanted(self._projection.store).values() for run in experiment.runs.values()
        )
        for run in runs:
            known = (run.ablation, run.identity) in self._shown
            if run.run_key in keys and (known or len(self._shown) < MOST_SHOWN):
                yield run

    def _update(self, run: WantedRun, curves: Curves) -> None:
        shown = self._shown.get((run.ablation, run.identity)) or self._create(run)
        epochs = max(map(len, curves.values()), default=0)
        if shown is None or epochs <= shown.epochs:
            return
        new = curve_points(curves, shown.started, _now(), after=shown.epochs)
        self._projection.client.log(shown.run_id, new, {})
        shown.epochs = epochs
        self._projection.beat()

    def _create(self, run: WantedRun) -> ShownRun | None:
        """Return a new RUNNING run, or None as long as its ablation has no experiment yet."""
        experiment = self._projection.experiment_id(run.ablation)
        if experiment is None:
            return None
        if not self._shown:
            self._projection.expect_unfinished(True)
        client, started = self._projection.client, _now()
        run_id = client.create_run(experiment, run.name, tags(run), started)
        client.log(run_id, [], params(run))
        shown = self._shown[run.ablation, run.identity] = ShownRun(run_id, run.run_key, started, 0)
        return shown

    def _withdraw(self, places: set[tuple[str, str]]) -> None:
        for place in places:
            self._projection.client.delete_run(self._shown.pop(place).run_id)
            self._projection.beat()
        if places and not self._shown:
            self._projection.expect_unfinished(False)


def _now() -> int:
    return time.time_ns() // 1_000_000
