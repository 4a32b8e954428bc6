"""Maintenance of the store: its contents by ablation, what is damaged, what no study requires any more."""
