"""The `prepare` stage: convert the fetched files to arrays that open quickly, in `data/prepared`."""

from pathlib import Path

from pipeline.data.prepare import prepare as prepare_dataset
from pipeline.params.types.study import Study


def prepare(study: Study, root: Path) -> None:
    """Prepare every data set that an ablation uses; raises `DataError` where a file is missing or damaged."""
    for dataset in study.datasets:
        prepare_dataset(dataset, root)
