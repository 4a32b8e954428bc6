"""Choosing hyperparameters with Keras Tuner's oracles."""
