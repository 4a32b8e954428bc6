"""What pages show besides results. All of it may be missing: results alone are enough for a report."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pipeline.data.excerpt import Excerpt
from pipeline.result_files.read import Timings, untimed
from pipeline.store.journal import Session

Summary = Mapping[str, Any]
"""The contents of one report, for the next to compare with: see `pipeline.report.history.summary_of`."""


@dataclass(frozen=True)
class History:
    """What happened since the previous report: sessions of training, and that report's summary (None for the first)."""

    sessions: Sequence[Session] = ()
    before: Summary | None = None


def no_excerpt(_: str) -> Excerpt | None:
    """Return no excerpt: results alone have none."""
    return None


@dataclass(frozen=True)
class ReportContext:
    """MLflow's address, its pages that compare an ablation's runs, how long runs trained, the history, excerpts of the
    data sets, by name, the sessions that trained each run, by its key, and why ablations were left out, by their names.
    """

    mlflow_url: str | None = None
    compare_urls: Mapping[str, str] = field(default_factory=dict)
    times: Timings = untimed
    history: History | None = None
    excerpt: Callable[[str], Excerpt | None] = no_excerpt
    sessions: Mapping[str, Sequence[Session]] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)
