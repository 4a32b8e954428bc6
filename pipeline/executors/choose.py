"""The executor that a study requires, ready to be entered."""

import os
from collections.abc import Callable
from pathlib import Path

import keras

from pipeline.core.machine import cores
from pipeline.engine.stacks import Engine, Stack
from pipeline.executors.local import LocalExecutor
from pipeline.executors.processes import ProcessExecutor, number_of_workers, share_of_memory
from pipeline.executors.protocol import Executor
from pipeline.executors.requirements import Requirements
from pipeline.executors.settings import WorkerConfig
from pipeline.params.types.executor import ExecutorSpec
from pipeline.store import Store

GB = 1e9
LOOPBACK = ("127.0.0.1", "localhost")


def executor(spec: ExecutorSpec, engine: Engine, precision: str, root: Path, store: Store) -> Executor:
    """Return the executor of `spec`; `engine` is this process's own, and knows the graphs.

    Worker processes keep checkpoints in `store`, and write their output to its folder.
    """
    if spec.kind == "local":
        return LocalExecutor(engine, precision)
    config = WorkerConfig(precision, engine.choice, spec.threads or pool_threads())
    if spec.kind == "processes":
        gpus = sum(name.lower().startswith("gpu") for name in keras.distribution.list_devices())
        workers = spec.workers or number_of_workers(gpus)
        memory = int(spec.memory * GB) if spec.memory else share_of_memory(workers)
        return ProcessExecutor(config, root, store, engine.graph, workers, spec.lives, memory, gpus)
    _prefer_loopback(spec.address)
    from pipeline.executors.ray_cluster import RayExecutor

    requirements = Requirements(config.threads, spec.gpu_memory and spec.gpu_memory * GB)
    return RayExecutor(
        config, root, spec.address, engine.graph, _weights(engine), requirements, spec.lives, spec.workers
    )


def _prefer_loopback(address: str) -> None:
    """Let Ray use this machine's loopback address, not its outward one, for a cluster at a loopback address.

    Ray reads this variable when it is first imported, so this must come before; so do the processes that Ray starts.
    """
    if address == "local" or address.rpartition(":")[0] in LOOPBACK:
        os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"


def pool_threads() -> int:
    """Return the size that TensorFlow's thread pool has by default in this process."""
    return int(os.environ.get("TF_NUM_INTRAOP_THREADS") or 0) or cores()


def _weights(engine: Engine) -> Callable[[Stack], int]:
    """Return a function that counts the numbers in the weights of one model of a stack, in its largest phase."""

    def weights(stack: Stack) -> int:
        run = stack.runs[0]
        return int(
            max(
                engine.model_cache.template(run, phase).count_params()
                for phase in engine.model_cache.phases(run)
            )
        )

    return weights
