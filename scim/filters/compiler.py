"""Turns a filter's syntax tree into a Django condition."""

from typing import Any

from django.conf import settings
from django.db.models import Q
from scim2_models import InvalidFilterException, ScimFilter
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

from scim.filters.attributes import AttributeMap, part_of
from scim.filters.targets import ALWAYS, Target


def compile_filter(text: str, attributes: AttributeMap) -> Q:
    """Return the condition for the filter `text`.

    Raises InvalidFilterException for a syntax error, an unknown attribute, an operator that the attribute's type does
    not have, or a filter over `SCIM_FILTER_LIMIT` bytes or `SCIM_FILTER_TERMS` comparisons.
    """
    limit = settings.SCIM_FILTER_LIMIT
    if limit and len(text.encode(errors="replace")) > limit:
        raise InvalidFilterException(detail=f"The filter is longer than {limit} bytes; ask for less at once.")
    parsed = ScimFilter[attributes.model](text)  # type: ignore[name-defined]
    terms = settings.SCIM_FILTER_TERMS
    if terms and count_terms(parsed.ast) > terms:
        raise InvalidFilterException(detail=f"The filter has more than {terms} comparisons; ask for less at once.")
    return Compiler(parsed, attributes).visit(parsed.ast)


def count_terms(node: FilterNode) -> int:
    """Return the number of comparisons in `node`."""
    if isinstance(node, LogicalExpr):
        return sum(count_terms(term) for term in node.terms)
    if isinstance(node, Not):
        return count_terms(node.expr)
    if isinstance(node, ValuePath):
        return count_terms(node.val_filter)
    return 1


class Compiler(FilterVisitor[Q]):
    """Visits a filter that is bound to a model; inside `attribute[…]` the values of `outer` are what is compared."""

    def __init__(self, parsed: ScimFilter[Any], attributes: AttributeMap, outer: ValuePath | None = None) -> None:
        self.parsed = parsed
        self.attributes = attributes
        self.outer = outer

    def visit_comparison(self, node: Comparison) -> Q:
        """A comparison; of a multi-valued attribute some value has to meet it, and for `ne` none may be equal."""
        binding = self._bind(node.attr_path, for_comparison=True)
        value = storable(coerce_value(binding, node.value, node.op))
        if single := self._single(binding):
            return single.compare(node.op, value)
        values = self.attributes.values(binding)
        part = part_of(values, binding)
        if node.op == CompareOperator.ne and value is not None:
            return ~values.any(part.compare(CompareOperator.eq, value))
        return values.any(part.compare(node.op, value))

    def visit_present(self, node: Present) -> Q:
        """`pr`; of a multi-valued attribute some value has to be there."""
        binding = self._bind(node.attr_path)
        if single := self._single(binding):
            return single.present()
        values = self.attributes.values(binding)
        return values.any(part_of(values, binding).present() if binding.sub_field_name else ALWAYS)

    def visit_not(self, node: Not) -> Q:
        """Negation; every condition is two-valued, so it is plain."""
        return ~self.visit(node.expr)

    def visit_logical_expr(self, node: LogicalExpr) -> Q:
        """`and` and `or`."""
        combined = self.visit(node.terms[0])
        for term in node.terms[1:]:
            condition = self.visit(term)
            combined = combined & condition if node.op == LogicalOperator.and_ else combined | condition
        return combined

    def visit_value_path(self, node: ValuePath) -> Q:
        """`emails[type eq "work"]`: one value meets the whole inner filter."""
        binding = self._bind(node.attr_path)
        inner = Compiler(self.parsed, self.attributes, outer=node)
        return self.attributes.values(binding).any(inner.visit(node.val_filter))

    def _bind(self, path: AttrPath, *, for_comparison: bool = False) -> AttributeBinding:
        if self.outer is not None:
            path = AttrPath(self.outer.attr_path.attr, path.attr, self.outer.attr_path.uri)
        resolve = self.parsed.resolve_comparison if for_comparison else self.parsed.resolve
        binding = resolve(path)
        if binding is None:
            raise InvalidFilterException(detail=f"There is no attribute {path}.")
        return binding

    def _single(self, binding: AttributeBinding) -> Target | None:
        """Return what one comparison is about, or None if it is about any of several values."""
        if self.outer is not None:
            return part_of(self.attributes.values(binding), binding)
        return self.attributes.single_target(binding)


def storable(value: Any) -> Any:
    """Return `value`. Raises InvalidFilterException for a string that no database takes."""
    if isinstance(value, str):
        if "\0" in value:
            raise InvalidFilterException(detail="The filter holds a NUL character.")
        try:
            value.encode()
        except UnicodeEncodeError:
            raise InvalidFilterException(detail="The filter holds half of a surrogate pair.") from None
    return value
