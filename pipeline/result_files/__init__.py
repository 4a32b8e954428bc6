"""The files of `results/<ablation>/`: typed records, which `write` writes and `read` reads."""
