"""Trains runs, each with the engine that suits it best."""
