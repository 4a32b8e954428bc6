"""Keras Tuner's tuners, fused: change the class name, and trials of one graph train as one stack.

    from pipeline.tuner import RandomSearch      # instead of keras_tuner.RandomSearch

`RandomSearch`, `GridSearch` and `BayesianOptimization` take what Keras Tuner's take; `FusedTuner` takes an oracle, as
`keras_tuner.Tuner` does.
"""

from pipeline.tuner.tuner import BayesianOptimization, FusedTuner, GridSearch, RandomSearch

__all__ = ["BayesianOptimization", "FusedTuner", "GridSearch", "RandomSearch"]
