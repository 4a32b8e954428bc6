"""Rules between the fields of a recipe: combinations that cannot train, found before training."""
