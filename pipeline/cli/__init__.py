"""Everything that prints to a terminal: commands, tables, progress."""

from pipeline.cli.commands import main

__all__ = ["main"]
