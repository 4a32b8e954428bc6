"""The `executor` section: where stacks train. It changes no number, so it is in no run's key."""

from collections.abc import Mapping
from importlib.util import find_spec
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from pipeline.params.faults import FaultsError, fault_at, listing, show
from pipeline.params.spec import Positive, Spec

AtMostTenThousand = Annotated[int, Field(ge=1, le=10_000)]
KEYS: Mapping[str, tuple[str, ...]] = {
    "local": ("threads",),
    "processes": ("threads", "workers", "lives", "memory"),
    "ray": ("threads", "workers", "lives", "address", "gpu_memory"),
}


class ExecutorSpec(Spec):
    """Where stacks train: in this process, in several, or on a Ray cluster. `memory` and `gpu_memory` are in GB."""

    kind: Literal["local", "processes", "ray"] = "local"
    threads: Annotated[int, Field(ge=1, le=1024)] | None = None
    workers: AtMostTenThousand | None = None
    lives: AtMostTenThousand = 20
    memory: Positive | None = None
    address: Annotated[str, Field(min_length=1)] = "auto"
    gpu_memory: Positive | None = None

    @model_validator(mode="after")
    def _belongs_together(self) -> Self:
        misplaced = sorted(self.model_fields_set - {"kind", *KEYS[self.kind]})
        faults = [fault_at(self._misplaced(key), key) for key in misplaced]
        if self.address.startswith("ray://"):
            text = f"must be auto, local or host:port of the cluster's head; got {show(self.address)}"
            faults.append(fault_at(f"{text}, which is for Ray's client", "address"))
        if self.kind == "ray" and find_spec("ray") is None:
            text = "ray needs Ray, which is not installed: pip install 'keras-ablation-pipeline[ray]'"
            faults.append(fault_at(text, "kind"))
        if faults:
            raise FaultsError(*faults)
        return self

    def _misplaced(self, key: str) -> str:
        kinds = [kind for kind, keys in KEYS.items() if key in keys]
        return f"goes with executor.kind: {listing(kinds)}; the kind is {self.kind}"
