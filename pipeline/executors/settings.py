"""What workers are started with. Without TensorFlow: a worker process imports this before it is bound to its cores."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.engine.stacks import EngineChoice


@dataclass(frozen=True)
class WorkerConfig:
    """What decides a worker's numbers besides the stacks it gets and the data.

    `threads` is the size of TensorFlow's thread pool, not a number of cores: it decides how sums are divided, so bits depend
    on it (docs/scale.md).
    """

    precision: str
    engine: "EngineChoice"
    threads: int


@dataclass(frozen=True)
class ProcessSettings:
    """What a worker process is started with.

    `root` is the project, `store` the store's folder, `log` the file for the process's output. `cores` are the cores it may
    use, empty for all; `gpu` is the index of the one GPU that it sees, None where there is none.
    """

    config: WorkerConfig
    root: Path
    store: Path
    log: Path
    cores: frozenset[int]
    gpu: int | None
