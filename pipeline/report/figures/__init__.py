"""The figures of an ablation's page, one file each: one function computes what is shown, another draws it."""
