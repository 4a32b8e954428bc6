"""Ablation studies for Keras, from `params.yaml` to verdicts."""
