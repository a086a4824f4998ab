"""What the model allows at a place: the type a path of pydantic leads to, and the keys known there."""

from __future__ import annotations

from collections.abc import Callable
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import AliasChoices, BaseModel
from pydantic.fields import FieldInfo

from twin.model.application import Component, Deployment, Partition
from twin.model.law import Law
from twin.model.profile import Profile
from twin.model.scenario import Scenario

SHORT_KEYS: dict[type[BaseModel], frozenset[str]] = {
    Scenario: frozenset({"extends", "overrides"}),
    Partition: frozenset({"container"}),
    Component: frozenset({"container", *Partition.model_fields, *Deployment.model_fields}) - {"partitions"},
    Profile: frozenset(Law.model_fields),
}
"""Keys that short forms allow beside the fields of a model."""


def type_at(root: Any, location: tuple[str | int, ...]) -> Any:
    """Return the annotation that *location* (of a pydantic error in *root*) leads to, None where it leads astray."""
    found = root
    for part in location:
        found = _step(found, part)
        if found is None:
            return None
    return found


def known_keys(annotation: Any) -> frozenset[str]:
    """Return the keys a mapping may have at a place of type *annotation*, short forms included."""
    models = [one for one in members(annotation) if _is_model(one)]
    return frozenset().union(*(_fields(model).keys() | SHORT_KEYS.get(model, frozenset()) for model in models))


def required_fields(model: type[BaseModel]) -> dict[str, Any]:
    """Return the fields that *model* does not fill in by itself: key → annotation with its bounds."""
    return {key: annotated(info) for key, info in _fields(model).items() if info.is_required()}


def annotated(info: FieldInfo) -> Any:
    """Return the annotation of a field together with its bounds and validators."""
    found: Any = info.annotation
    for extra in info.metadata:
        found = Annotated[found, extra]
    return found


def members(annotation: Any) -> tuple[Any, ...]:
    """Return the alternatives of a union without None, or the type itself, without their annotations."""
    bare = _bare(annotation)
    if get_origin(bare) not in (Union, UnionType):
        return (bare,)
    return tuple(inner for one in get_args(bare) if one is not type(None) for inner in members(one))


def _bare(annotation: Any) -> Any:
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    return annotation


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _fields(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """Return the fields by the key a file gives them."""
    return {_key(name, info): info for name, info in model.model_fields.items()}


def _key(name: str, info: FieldInfo) -> str:
    alias = info.validation_alias
    return str(alias.choices[0]) if isinstance(alias, AliasChoices) else name


def _step(annotation: Any, part: str | int) -> Any:
    """Return the type one part further; a part that only names an alternative of a union leads to that alternative."""
    alternatives = members(annotation)
    tagged = [one for one in alternatives if _is_model(one) and part in tags_of(one)]
    if len(alternatives) > 1 and tagged:
        return tagged[0]
    steps = [_INNER.get(get_origin(one) or one, _field)(one, part) for one in alternatives]
    found = next((step for step in steps if step is not None), None)
    # Pydantic puts the name of an alternative into the path of an undiscriminated union; it is no step.
    return annotation if found is None and len(alternatives) > 1 else found


def tags_of(model: type[BaseModel]) -> tuple[Any, ...]:
    """Return the values of ``kind``, ``process`` or ``event`` that choose *model*."""
    choices = [info.annotation for name, info in model.model_fields.items() if name in ("kind", "process", "event")]
    return tuple(value for choice in choices if get_origin(choice) is Literal for value in get_args(choice))


def _field(annotation: Any, part: str | int) -> Any:
    info = _fields(annotation).get(str(part)) if _is_model(annotation) else None
    return None if info is None else annotated(info)


def _entry(annotation: Any, _part: str | int) -> Any:
    return get_args(annotation)[1]


def _item(annotation: Any, part: str | int) -> Any:
    kinds = get_args(annotation)
    if len(kinds) == 2 and kinds[1] is Ellipsis:
        return kinds[0]
    return kinds[part] if isinstance(part, int) and part < len(kinds) else None


_INNER: dict[Any, Callable[[Any, str | int], Any]] = {dict: _entry, tuple: _item, list: lambda one, _: get_args(one)[0]}
