"""What a study requires, what of it is stored, and what the rest will cost."""
