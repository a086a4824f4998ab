"""What all values of the model share: strictness, number types, naming by key."""

from __future__ import annotations

from typing import Annotated, Any, Self, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, Strict

LARGEST = 1e15
"""No quantity of the model may exceed this; beyond it floating point loses seconds."""


class Value(BaseModel):
    """A frozen value that knows its own fields and nothing else."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)

    def __copy__(self) -> Self:
        """Return a copy without what was derived and kept: ``model_copy`` changes fields of the copy."""
        copied = super().__copy__()
        for name in copied.__dict__.keys() - type(copied).model_fields.keys():
            del copied.__dict__[name]
        return copied


Number = Annotated[float, Strict(), Field(ge=-LARGEST, le=LARGEST)]
NonNegative = Annotated[float, Strict(), Field(ge=0, le=LARGEST)]
Positive = Annotated[float, Strict(), Field(gt=0, le=LARGEST)]
Probability = Annotated[float, Strict(), Field(ge=0, le=1)]
Count = Annotated[int, Strict(), Field(ge=1, le=10**9)]
WholeNumber = Annotated[int, Strict(), Field(ge=0, le=10**15)]
Flag = Annotated[bool, Strict()]
Name = Annotated[str, Field(min_length=1, max_length=200)]


def _give_names(items: object) -> object:
    """Hand each value of a mapping its key as ``name``; an empty entry is an entry with defaults."""
    if not isinstance(items, dict):
        return items
    named: dict[Any, Any] = {}
    for key, item in items.items():
        body = {} if item is None else item
        if isinstance(body, dict) and body.get("name", key) != key:
            raise ValueError(f"entry {key!r} is called {body['name']!r} inside; leave out the inner name")
        named[key] = {**body, "name": key} if isinstance(body, dict) else body
    return named


T = TypeVar("T")
Named = Annotated[dict[Name, T], BeforeValidator(_give_names)]
"""A mapping whose values carry their key as ``name``."""
