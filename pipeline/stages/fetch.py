"""The `fetch` stage: download the files of the study's data sets to `data/raw`."""

from pathlib import Path

from pipeline.data.fetch import fetch as fetch_dataset
from pipeline.params.types.study import Study


def fetch(study: Study, root: Path) -> None:
    """Fetch every data set that an ablation uses; raises `DataError` with everything that was tried."""
    for dataset in study.datasets:
        fetch_dataset(dataset, root, study.data.mirror)
