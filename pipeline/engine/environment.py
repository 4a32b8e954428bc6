"""The machine and the libraries a run was trained with."""

import platform
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

import keras
import tensorflow as tf

from pipeline.core.machine import processor


@lru_cache(maxsize=1)
def on_gpu() -> bool:
    """Return whether training runs on a GPU."""
    return any(name.lower().startswith("gpu") for name in keras.distribution.list_devices())


def one_thread() -> bool:
    """Return whether TensorFlow's operations run in one thread each."""
    threads: int = tf.config.threading.get_intra_op_parallelism_threads()
    return keras.backend.backend() == "tensorflow" and threads == 1


@lru_cache(maxsize=1)
def device() -> str:
    """Return the device that trains: `GPU` and its name, or `CPU`."""
    return f"GPU {_gpu_name()}".strip() if on_gpu() else "CPU"


def _gpu_name() -> str:
    if keras.backend.backend() == "jax":
        import jax

        return str(jax.devices()[0].device_kind)
    gpus = tf.config.list_physical_devices("GPU")
    return str(tf.config.experimental.get_device_details(gpus[0]).get("device_name", ""))


def keep_programs(folder: Path) -> None:
    """Keep compiled programs in `folder` for later processes, where the backend can: JAX.

    What XLA keeps for TensorFlow saved nothing, since tracing is most of the time (docs/performance.md).
    """
    if keras.backend.backend() == "jax":
        import jax

        jax.config.update("jax_compilation_cache_dir", str(folder))


@lru_cache(maxsize=1)
def environment() -> dict[str, str]:
    """Return what a reader needs to reproduce a result: versions, the device, the machine."""
    libraries = ["tensorflow", "keras", "keras-tuner", "numpy", keras.backend.backend()]
    return {
        "python": platform.python_version(),
        **{name: version(name) for name in libraries},
        "device": device(),
        "machine": platform.machine(),
        "processor": processor(),
    }


def set_up(precision: str) -> None:
    """Prepare Keras and its backend for training: precision, a GPU's memory taken as needed, repeatable numbers."""
    if keras.backend.backend() == "tensorflow":
        _set_up_tensorflow()
    else:
        tf.config.set_visible_devices([], "GPU")  # it only feeds `fit` here, and would take the GPU's memory
    keras.config.set_dtype_policy(precision)


def _set_up_tensorflow() -> None:
    tf.get_logger().setLevel("ERROR")  # vectorized_map warns about every operation that it loops over
    for gpu in tf.config.list_physical_devices("GPU"):
        tf.config.experimental.set_memory_growth(gpu, True)
        # On a CPU every operation used here is deterministic already, and this would only switch off XLA.
        tf.config.experimental.enable_op_determinism()
