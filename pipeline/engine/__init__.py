"""Runs in, trained runs out, by whichever engine does it best."""
