"""The base of every typed section: frozen, strict, unknown keys refused, all its faults found at once."""

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    ValidationError,
    WithJsonSchema,
    model_validator,
)

from pipeline.params.faults import Fault, fault, faults_of, listing, reject, show, unknown_key

Count = Annotated[int, Field(ge=1, le=10**9)]
Index = Annotated[int, Field(ge=0, le=10**9)]
Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]


def shape(name: str) -> WithJsonSchema:
    """Return the mark by which the JSON Schema of a field refers to the shared definition `name`."""
    return WithJsonSchema({"shape": name})


def at_most(count: int) -> BeforeValidator:
    """Return the check that a list is not too long, made before its items are read: each could be a fault."""

    def check(value: Any) -> Any:
        if isinstance(value, list | tuple) and len(value) > count:
            raise reject(fault(f"must be at most {count} long; got {show(value)}"))
        return value

    return BeforeValidator(check)


class Spec(BaseModel):
    """A section of a params file."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)

    @model_validator(mode="wrap")
    @classmethod
    def _every_fault(cls, value: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        if isinstance(value, cls):
            return handler(value)
        if not isinstance(value, Mapping):
            raise reject(fault(f"must be a mapping of {listing(cls.keys())}; got {show(value)}"))
        faults = cls._unknown(value)
        unknown = {found.at[0][0] for found in faults}
        known = {key: item for key, item in value.items() if key not in unknown}
        try:
            result = handler(known)
        except ValidationError as error:
            raise reject(*faults, *faults_of(error)) from None
        if faults:
            raise reject(*faults)
        return result

    @classmethod
    def keys(cls) -> list[str]:
        """Return the keys a user may write."""
        return list(cls.model_fields)

    @classmethod
    def _unknown(cls, value: Mapping[str, object]) -> list[Fault]:
        if cls.model_config.get("extra") == "allow":
            return []
        return [fault(unknown_key(key, cls.keys()), key) for key in value if key not in cls.model_fields]
