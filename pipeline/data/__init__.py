"""Data: fetched and checked, prepared as arrays, split without leaks, scaled by what training saw."""
