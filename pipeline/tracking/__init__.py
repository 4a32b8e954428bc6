"""MLflow shows what the store holds. The store is never read from MLflow, and training never fails because of it."""
