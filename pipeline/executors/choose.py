"""The executor that a study asks for, ready to be entered."""

import os
from collections.abc import Callable
from pathlib import Path

import keras

from pipeline.engine.auto import Engine, Stack
from pipeline.engine.workers import cores
from pipeline.executors.local import LocalExecutor
from pipeline.executors.needs import Needs
from pipeline.executors.processes import ProcessExecutor, number_of_workers, share_of_memory
from pipeline.executors.protocol import Executor
from pipeline.executors.worker import Terms
from pipeline.params.executor import ExecutorSpec
from pipeline.store import Store

GB = 1e9


def executor(spec: ExecutorSpec, engine: Engine, precision: str, root: Path, store: Store) -> Executor:
    """Return the executor of `spec`; `engine` is this process's own, and knows the graphs.

    Worker processes keep checkpoints in `store`, and write to its folder what they have to say.
    """
    if spec.kind == "local":
        return LocalExecutor(engine, precision)
    terms = Terms(precision, engine.choice, spec.threads or pool_threads())
    if spec.kind == "processes":
        gpus = sum(name.lower().startswith("gpu") for name in keras.distribution.list_devices())
        workers = spec.workers or number_of_workers(gpus)
        memory = int(spec.memory * GB) if spec.memory else share_of_memory(workers)
        return ProcessExecutor(terms, root, store, _graph(engine), workers, spec.lives, memory, gpus)
    from pipeline.executors.cluster import RayExecutor

    needs = Needs(terms.threads, spec.gpu_memory and spec.gpu_memory * GB)
    return RayExecutor(
        terms, root, spec.address, _graph(engine), _weights(engine), needs, spec.lives, spec.workers
    )


def pool_threads() -> int:
    """Return how many threads TensorFlow takes into its pool by itself in this process."""
    return int(os.environ.get("TF_NUM_INTRAOP_THREADS") or 0) or cores()


def _graph(engine: Engine) -> Callable[[Stack], str]:
    return lambda stack: engine.workshop.run_signature(stack.runs[0])


def _weights(engine: Engine) -> Callable[[Stack], int]:
    """Return how to count the numbers in the weights of one model of a stack, in its largest phase."""

    def weights(stack: Stack) -> int:
        run = stack.runs[0]
        return int(max(engine.workshop.template(run, phase).count_params() for phase in run.phases))

    return weights
