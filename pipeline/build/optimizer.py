"""A Keras optimizer from a recipe, and its clipping, which can differ within a stack."""

from typing import Any

from pipeline.build.resolve import make
from pipeline.params.types.recipe import CLIPS, OptimizerSpec


def make_optimizer(spec: OptimizerSpec, learning_rate: Any, clip: bool = True) -> Any:
    """Return the optimizer of `spec`; `learning_rate` is a number or a Keras schedule.

    Without `clip` the clipping arguments are left out, for an engine that clips by itself.
    """
    kind, limit = clip_of(spec)
    clipping = {kind: limit} if clip and kind else {}
    return make("optimizers", spec, learning_rate=learning_rate, **clipping)


def clip_of(optimizer: Any) -> tuple[str | None, float]:
    """Return the kind of clipping of an optimizer (a recipe's or one of Keras), None without any, and its limit."""
    for kind in CLIPS:
        limit = getattr(optimizer, kind, None)
        if limit is not None:
            return kind, float(limit)
    return None, 0.0
