"""What is looked at in models besides their scores: pure functions of weights and data, kept beside the store."""
