"""The types of a params file: a study, its ablations, recipes and everything in them."""
