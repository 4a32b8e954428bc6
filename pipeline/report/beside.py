"""What pages show besides results. All of it may be missing: results alone make a whole report."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pipeline.journal import Session
from pipeline.report.results import Times, untimed

Summary = Mapping[str, Any]
"""What one report said, for the next to compare with: see `pipeline.report.history.summary_of`."""


@dataclass(frozen=True)
class History:
    """What happened since the report before: sessions of training, and that report's summary (None for the first)."""

    sessions: Sequence[Session] = ()
    before: Summary | None = None


@dataclass(frozen=True)
class Beside:
    """MLflow's address and its pages that compare an ablation's runs, how long runs trained, and the history."""

    mlflow_url: str | None = None
    compare_urls: Mapping[str, str] = field(default_factory=dict)
    times: Times = untimed
    history: History | None = None
