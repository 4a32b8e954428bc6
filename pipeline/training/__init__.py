"""Training what is missing: rounds of runs, reports on their progress, and the models that are kept."""
