"""The tuners of Keras Tuner with fused training: import them from here, and trials of one graph train as one stack.

    from pipeline.tuner import RandomSearch      # instead of keras_tuner.RandomSearch

`RandomSearch`, `GridSearch`, `BayesianOptimization` and `Hyperband` have the arguments of Keras Tuner's classes;
`FusedTuner` has those of `keras_tuner.Tuner`.
"""

from pipeline.tuner.tuner import BayesianOptimization, FusedTuner, GridSearch, Hyperband, RandomSearch

__all__ = ["BayesianOptimization", "FusedTuner", "GridSearch", "Hyperband", "RandomSearch"]
