"""Turns a filter's syntax tree into a Django condition."""

from dataclasses import dataclass, field
from functools import cache
from inspect import isclass
from typing import Any

from django.conf import settings
from django.db.models import Q
from scim2_models import ComplexAttribute, InvalidFilterException, Resource, ScimFilter
from scim2_models.path import (
    AttributeBinding,
    AttrPath,
    CompareOperator,
    Comparison,
    FilterNode,
    FilterVisitor,
    LogicalExpr,
    LogicalOperator,
    Not,
    Present,
    ValuePath,
    coerce_value,
)

from lib.plain_text import quoted
from scim.filters.attributes import AttributeMap
from scim.filters.many import AnyValue, Part
from scim.filters.targets import NEVER, Absent, Target


@dataclass(frozen=True, slots=True)
class CompiledFilter:
    """A filter as a condition; `finds_few` says that it looks up values, each of which few resources have."""

    condition: Q
    finds_few: bool


EVERYTHING = CompiledFilter(Q(), finds_few=False)


def compile_filter(text: str, attributes: AttributeMap, *, also: tuple[AttributeMap, ...] = ()) -> CompiledFilter:
    """Return what the filter `text` means.

    In a search over several resource types (RFC 7644 §3.4.2.1), `also` are the other ones: an attribute that only they
    have counts as one without a value. Raises InvalidFilterException for a syntax error, an attribute that is unknown
    to all of them, an operator that the attribute's type does not have, or a filter over `SCIM_FILTER_LIMIT` bytes or
    `SCIM_FILTER_TERMS` comparisons.
    """
    limit = settings.SCIM_FILTER_LIMIT
    if limit and len(text.encode(errors="replace")) > limit:
        raise InvalidFilterException(detail=f"The filter is longer than {limit} bytes; ask for less at once.")
    own, *others = [Compiler(filter_of(each.model)(text), each) for each in (attributes, *also)]
    own.others = tuple(others)
    terms = settings.SCIM_FILTER_TERMS
    if terms and count_terms(own.parsed.ast) > terms:
        raise InvalidFilterException(detail=f"The filter has more than {terms} comparisons; ask for less at once.")
    return CompiledFilter(own.visit(own.parsed.ast), own.finds_few(own.parsed.ast))


@cache
def filter_of(model: type[Resource[Any]]) -> type[ScimFilter[Any]]:
    """Return the type of the filters on `model`; scim2-models would make it anew for each."""
    return ScimFilter[model]  # type: ignore[valid-type]


def has_value(binding: AttributeBinding) -> bool:
    """Whether an attribute is a complex one with a `value` to compare."""
    target = binding.target_type
    return isclass(target) and issubclass(target, ComplexAttribute) and "value" in target.model_fields


def count_terms(node: FilterNode) -> int:
    """Return the number of comparisons in `node`."""
    if isinstance(node, LogicalExpr):
        return sum(count_terms(term) for term in node.terms)
    if isinstance(node, Not):
        return count_terms(node.expr)
    if isinstance(node, ValuePath):
        return count_terms(node.val_filter)
    return 1


def needed_values(node: FilterNode) -> list[Any]:
    """Return what the `value` of a multi-valued attribute's value has to equal to meet the filter in its brackets.

    That is one of several; without any, there is no such condition.
    """
    if isinstance(node, LogicalExpr):
        needed = [needed_values(term) for term in node.terms]
        if node.op == LogicalOperator.and_:
            return next(filter(None, needed), [])
        return [value for values in needed for value in values] if all(needed) else []
    if isinstance(node, Comparison) and node.op == CompareOperator.eq and node.attr_path.attr.lower() == "value":
        return [node.value]
    return []


@dataclass(frozen=True, slots=True)
class Lookup:
    """The values with which an `or` compares one attribute for equality."""

    target: Target
    values: list[Any] = field(default_factory=list)

    def conditions(self) -> list[Q]:
        """Return one condition if an index finds all of the values together, else one for each."""
        together = self.target.equals_one_of(self.values)
        if together is not None:
            return [together]
        return [self.target.compare(CompareOperator.eq, value) for value in self.values]


class Compiler(FilterVisitor[Q]):
    """Visits a filter on the resources whose attributes are where `attributes` says; `others` know more attributes."""

    def __init__(self, parsed: ScimFilter[Any], attributes: AttributeMap) -> None:
        self.parsed = parsed
        self.attributes = attributes
        self.others: tuple[Compiler, ...] = ()
        self.alone = True

    def visit_comparison(self, node: Comparison) -> Q:
        """A comparison; of a multi-valued attribute some value has to meet it, and for `ne` none may be equal."""
        binding = self.bind(node.attr_path, for_comparison=True)
        if binding is None:
            return self.elsewhere(node, Absent().compare(node.op, node.value))
        if node.value is not None:
            binding = self.value_of(binding)
        return self.target(binding).compare(node.op, self.operand(binding, node))

    def visit_present(self, node: Present) -> Q:
        """`pr`; of a multi-valued attribute some value has to be there."""
        binding = self.bind(node.attr_path)
        if binding is None:
            return self.elsewhere(node, NEVER)
        return self.target(binding).present()

    def visit_not(self, node: Not) -> Q:
        """Negation; every condition is two-valued, so it is plain."""
        return ~self.visit(node.expr)

    def visit_logical_expr(self, node: LogicalExpr) -> Q:
        """`and` and `or`."""
        if node.op == LogicalOperator.and_:
            return Q(*map(self.visit, node.terms), _connector=Q.AND)
        alone, self.alone = self.alone, False
        alike, others = self.lookups(node)
        conditions = [condition for lookup in alike.values() for condition in lookup.conditions()]
        conditions += map(self.visit, others)
        self.alone = alone
        return Q(*conditions, _connector=Q.OR)

    def lookups(self, node: LogicalExpr) -> tuple[dict[str, "Lookup"], list[FilterNode]]:
        """Return what the terms of an `or` look up, by attribute, and the other terms.

        Directories ask for many members at once, `userName eq "a" or userName eq "b" …`: one look-up of all of them
        costs a hundredth of as many conditions.
        """
        alike: dict[str, Lookup] = {}
        others: list[FilterNode] = []
        for term in node.terms:
            if isinstance(term, Comparison) and term.op == CompareOperator.eq and term.value is not None:
                binding = self.bind(term.attr_path, for_comparison=True)
                if binding is not None:
                    binding = self.value_of(binding)
                    lookup = alike.setdefault(binding.urn, Lookup(self.target(binding)))
                    lookup.values.append(self.operand(binding, term))
                    continue
            others.append(term)
        return alike, others

    def finds_few(self, node: FilterNode) -> bool:
        """Whether `node` is met only by what an index looks up."""
        if isinstance(node, LogicalExpr):
            return (any if node.op == LogicalOperator.and_ else all)(map(self.finds_few, node.terms))
        if isinstance(node, ValuePath):
            bound, needed = self.bind(node.attr_path), needed_values(node.val_filter)
            return bound is not None and bool(needed) and self.attributes.values(bound).looked_up(needed) is not None
        if not isinstance(node, Comparison) or node.op != CompareOperator.eq or node.value is None:
            return False
        binding = self.bind(node.attr_path, for_comparison=True)
        if binding is None:
            return False
        binding = self.value_of(binding)
        return self.target(binding).equals_one_of([self.operand(binding, node)]) is not None

    def visit_value_path(self, node: ValuePath) -> Q:
        """`emails[type eq "work"]`: one value meets the whole inner filter."""
        binding = self.bind(node.attr_path)
        if binding is None:
            return self.elsewhere(node, NEVER)
        values = self.attributes.values(binding)
        met = values.any(lambda part: ValueCompiler(self, node, binding, part).visit(node.val_filter))
        needed = needed_values(node.val_filter)
        found = values.looked_up(needed) if needed else None
        return met if found is None else found & met

    def bind(self, path: AttrPath, *, for_comparison: bool = False) -> AttributeBinding | None:
        """Return the attribute that `path` names, None if the resource type has none of that name.

        Microsoft Entra asks for `manager eq "…"`: an attribute without the URN of its extension.
        """
        resolve = self.parsed.resolve_comparison if for_comparison else self.parsed.resolve
        extensions = () if path.uri else self.attributes.model.get_extension_models()
        spelled = (path, *(AttrPath(path.attr, path.sub_attr, urn) for urn in extensions))
        for each in spelled:
            binding = resolve(each, strict=False)
            if binding is not None:
                return binding
        return None

    def value_of(self, binding: AttributeBinding) -> AttributeBinding:
        """Return the `value` of a complex attribute, which stands for it as that of a multi-valued one does.

        Microsoft Entra asks for `manager eq "…"`. An attribute without a `value` stands for itself.
        """
        if binding.sub_field_name is not None or not has_value(binding):
            return binding
        schema, _, name = binding.urn.rpartition(":")
        return self.parsed.resolve(AttrPath(name, "value", schema), strict=False) or binding

    def target(self, binding: AttributeBinding) -> Target:
        """Return what is compared."""
        single = self.attributes.single_target(binding)
        return single or AnyValue(self.attributes.values(binding), binding, self.alone)

    def operand(self, binding: AttributeBinding, node: Comparison) -> Any:
        """Return the value that `node` compares with, of the type that its attribute has.

        Raises InvalidFilterException for what is no value of the attribute.
        """
        check_storable(node.value)
        return coerce_value(binding, node.value, node.op)

    def elsewhere(self, node: Comparison | Present | ValuePath, absent: Q) -> Q:
        """Return `absent` if another resource type has the attribute, which then says whether the rest makes sense."""
        for other in self.others:
            if other.bind(node.attr_path) is not None:
                other.visit(node)
                return absent
        raise InvalidFilterException(detail=f"There is no attribute {quoted(str(node.attr_path))}.")


class ValueCompiler(Compiler):
    """Visits the filter in the brackets of `node`, about one value of the attribute that `outer` binds."""

    def __init__(self, compiler: Compiler, node: ValuePath, outer: AttributeBinding, part: Part) -> None:
        super().__init__(compiler.parsed, compiler.attributes)
        self.outer_path = node.attr_path
        self.outer = outer
        self.part = part
        self.is_complex = issubclass(outer.target_type or str, ComplexAttribute)

    def bind(self, path: AttrPath, *, for_comparison: bool = False) -> AttributeBinding | None:
        """Return the sub-attribute that `path` names; `value` names the whole of a value that is not complex."""
        if path.uri or path.sub_attr:
            return None
        if not self.is_complex:
            return self.outer if path.attr.lower() == "value" else None
        return super().bind(AttrPath(self.outer_path.attr, path.attr, self.outer_path.uri))

    def target(self, binding: AttributeBinding) -> Target:
        """Return that part of the value."""
        return self.part(binding)

    def operand(self, binding: AttributeBinding, node: Comparison) -> Any:
        """Return the value that `node` compares with; one of another type than a plain value just differs from it."""
        if self.is_complex:
            return super().operand(binding, node)
        check_storable(node.value)
        return node.value


def check_storable(value: Any) -> None:
    """Raise InvalidFilterException for a string that no database takes."""
    if not isinstance(value, str):
        return
    if "\0" in value:
        raise InvalidFilterException(detail="The filter holds a NUL character.")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise InvalidFilterException(detail="The filter holds half of a surrogate pair.") from None
