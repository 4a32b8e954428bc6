"""The machine and the libraries a run was trained with."""

import platform
from functools import lru_cache
from importlib.metadata import version

import keras
import tensorflow as tf


@lru_cache(maxsize=1)
def device() -> str:
    """Return what trains: `GPU` and its name, or `CPU`."""
    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        return "CPU"
    name = tf.config.experimental.get_device_details(gpus[0]).get("device_name", "")
    return f"GPU {name}".strip()


@lru_cache(maxsize=1)
def environment() -> dict[str, str]:
    """Return the versions that a reader of a result would ask for."""
    libraries = {name: version(name) for name in ("tensorflow", "keras", "keras-tuner", "numpy")}
    return {
        "python": platform.python_version(),
        **libraries,
        "device": device(),
        "machine": platform.machine(),
    }


def set_up(precision: str) -> None:
    """Prepare Keras and TensorFlow for training: precision, a GPU's memory taken as needed, repeatable numbers."""
    tf.get_logger().setLevel("ERROR")  # vectorized_map tells of every operation that it loops over
    for gpu in tf.config.list_physical_devices("GPU"):
        tf.config.experimental.set_memory_growth(gpu, True)
        tf.config.experimental.enable_op_determinism()  # on a CPU every operation used here is; there it only costs XLA
    keras.config.set_dtype_policy(precision)
