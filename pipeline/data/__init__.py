"""Data sets: fetched and checked, prepared as arrays, split without leaks, scaled by the training images only."""
