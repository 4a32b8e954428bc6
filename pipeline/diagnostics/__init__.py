"""Diagnostics of models besides their scores: pure functions of weights and data, with outcomes kept in the store."""
