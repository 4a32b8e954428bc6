"""The search for hyperparameters: trials with an oracle of Keras Tuner, or a range test for the learning rate alone."""
