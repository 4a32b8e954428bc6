"""MLflow as a projection of the store: it shows what the store holds, and training never dies of it."""
