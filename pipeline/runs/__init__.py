"""Runs: their recipe and seeds, their key, and the record of what they did."""
