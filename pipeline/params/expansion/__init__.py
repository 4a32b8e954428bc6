"""Ablations expanded into variants, each with its complete, validated recipe."""
