"""The program of a stack for the backend in use."""

from typing import Any

import keras

from pipeline.engine.fused.program import Program


def program(*arguments: Any, **more: Any) -> Program:
    """Return a `Program` of these arguments for the backend in use."""
    if keras.backend.backend() == "jax":
        from pipeline.engine.fused.on_jax import JaxProgram

        return JaxProgram(*arguments, **more)
    from pipeline.engine.fused.on_tensorflow import TensorFlowProgram

    return TensorFlowProgram(*arguments, **more)
