"""The base of every typed section: frozen, strict, unknown keys refused, all its faults found together."""

from collections.abc import Mapping, Sequence
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

from pipeline.params.faults import (
    Fault,
    FaultsError,
    fault_at,
    faults_of,
    invalid,
    listing,
    show,
    unknown_key,
)

Count = Annotated[int, Field(ge=1, le=10**9)]
Index = Annotated[int, Field(ge=0, le=10**9)]
Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]

DEFINITION = "definition"


def defined_as(name: str) -> WithJsonSchema:
    """Return the mark by which the JSON Schema of a field refers to the shared definition `name`."""
    return WithJsonSchema({DEFINITION: name})


def only_one(section: BaseModel, keys: Sequence[str]) -> str:
    """Return which of `keys` a section has; raises `FaultsError` where it has none of them, or several."""
    written = [key for key in keys if getattr(section, key) is not None]
    if len(written) != 1:
        text = f"needs exactly one of {', '.join(keys)}; got {', '.join(written) or 'none'}"
        raise FaultsError(Fault(tuple((key,) for key in written) or ((),), text))
    return written[0]


def at_most(count: int) -> BeforeValidator:
    """Return the check that a list is not too long, made before its items are read: each could be a fault."""

    def check(value: Any) -> Any:
        if isinstance(value, list | tuple) and len(value) > count:
            raise invalid(f"must be at most {count} long; got {show(value)}")
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
            raise invalid(f"must be a mapping of {listing(cls.keys())}; got {show(value)}")
        known = cls._known(value)
        faults = [fault_at(unknown_key(key, cls.keys()), key) for key in value if key not in known]
        try:
            section = handler(known)
        except ValidationError as error:
            raise FaultsError(*faults, *faults_of(error)) from None
        if faults:
            raise FaultsError(*faults)
        return section

    @classmethod
    def keys(cls) -> list[str]:
        """Return the keys a user may write."""
        return list(cls.model_fields)

    @classmethod
    def _known(cls, value: Mapping[str, object]) -> dict[str, object]:
        """Return what `value` has under keys that exist."""
        takes_any = cls.model_config.get("extra") == "allow"
        return {key: item for key, item in value.items() if takes_any or key in cls.model_fields}
