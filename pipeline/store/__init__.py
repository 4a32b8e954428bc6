"""The store, in `.runs/`: finished runs, and everything kept about them."""

from pipeline.store.store import Store

__all__ = ["Store"]
