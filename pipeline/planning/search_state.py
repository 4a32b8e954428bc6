"""How the hyperparameters of replicates are chosen, and what of that is done."""

from dataclasses import dataclass
from typing import Any

from pipeline.runs.resample import Resample
from pipeline.runs.run import Run
from pipeline.search.rate_search import RateSearch
from pipeline.search.variant_search import Search, Trial


@dataclass
class SearchState:
    """The choice of hyperparameters for all replicates of a variant, or for one of them.

    It is made by a `search`, or the learning rate is found by a range test (`finder`), or there is nothing to choose; the
    frozen `choice` is there once it is made. `resample`: which rows its one replicate tests, where that differs.
    """

    search: Search | None = None
    finder: RateSearch | None = None
    choice: dict[str, Any] | None = None
    resample: Resample | None = None

    @property
    def key(self) -> str | None:
        """The key of the choice in the store; None where there is nothing to choose."""
        used = self.search or self.finder
        return used.key if used is not None else None

    @property
    def is_chosen(self) -> bool:
        """Whether the hyperparameters to measure are known."""
        return self.choice is not None or (self.search is None and self.finder is None)

    @property
    def values(self) -> dict[str, Any]:
        """The chosen values; none before they are chosen, and where there is nothing to choose."""
        return self.choice["values"] if self.choice else {}

    @property
    def space(self) -> dict[str, Any]:
        """What was searched, once it is chosen."""
        return dict((self.choice or {}).get("space", {}))

    @property
    def _trials(self) -> list[Trial]:
        """The trials of a search that goes on; none where there is none, and once it has chosen."""
        return self.search.trials if self.search is not None and self.choice is None else []

    def open_runs(self) -> list[Run]:
        """Return the runs of trials that have no score."""
        return [run for trial in self._trials if trial.score is None for run in trial.runs]

    def earlier_keys(self) -> list[str]:
        """Return the keys of earlier parts of trials, from which those that were not ended went on."""
        if self.choice is not None:
            return list(self.choice.get("earlier", ()))
        return [run.key for trial in self._trials for runs in trial.earlier for run in runs]

    def trial_runs(self) -> list[dict[str, Any]]:
        """Return the trials so far: each with its `values` and `run_keys`."""
        if self.choice is not None:
            return list(self.choice["trials"])
        return [
            {"values": trial.candidate.values, "run_keys": [run.key for run in trial.runs]}
            for trial in self._trials
        ]
