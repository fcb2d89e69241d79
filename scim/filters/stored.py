"""Where an attribute is that has no column: under its name in a JSON document."""

from inspect import isclass

from django.db.models import F
from scim2_models import ComplexAttribute
from scim2_models.path import AttributeBinding

from scim.filters.json_sql import Element, JsonBoolean, JsonText
from scim.filters.targets import AnyOf, Binary, Boolean, Target, Text


def stored(document: F | Element, keys: tuple[str, ...], binding: AttributeBinding) -> Target:
    """Return what `binding` names, under `keys` of `document`."""
    kind = binding.target_type
    if isclass(kind) and issubclass(kind, ComplexAttribute):
        return AnyOf(parts_of(document, keys, kind))
    if kind is bool:
        return Boolean(JsonBoolean(document, keys))
    if kind is bytes:
        return Binary(JsonText(document, keys))
    return Text(JsonText(document, keys), binding.case_exact, nullable=True)


def parts_of(document: F | Element, keys: tuple[str, ...], kind: type[ComplexAttribute]) -> tuple[Target, ...]:
    """Return the sub-attributes of a complex attribute, of which nobody asks but whether they are there."""
    names = [info.serialization_alias or name for name, info in kind.model_fields.items()]
    return tuple(Text(JsonText(document, (*keys, name)), nullable=True) for name in names)
