"""Ablation studies for Keras, from `params.yaml` to verdicts."""

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import pandas as pd


class Results(NamedTuple):
    """An ablation's numbers as frames: a row for each replicate, for each of its epochs, and for each trial."""

    runs: "pd.DataFrame"
    curves: "pd.DataFrame"
    trials: "pd.DataFrame"


def results(ablation: str, folder: str | Path = "results") -> Results:
    """Return the results of an ablation that `dvc repro` has finished, as pandas frames.

    Their `seconds` come from the project's store of runs, and are missing where that is elsewhere. Raises `UserError` where
    `folder` has no results, or damaged ones.
    """
    from pipeline.report.frames import curves_frame, runs_frame, trials_frame
    from pipeline.result_files.read import read
    from pipeline.store import Store

    ablations = [read(Path(folder), ablation, Store().runs.timings)]
    return Results(runs_frame(ablations), curves_frame(ablations), trials_frame(ablations))
