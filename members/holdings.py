"""What an organization has: the tables with a column for it, in the order in which their rows can be deleted.

The apps above this one have tables too, so they are found by looking at all models.
"""

from functools import cache
from graphlib import TopologicalSorter
from typing import Any

from django.apps import apps
from django.db import models

from members.models import Organization

Model = type[models.Model]


@cache
def holdings() -> tuple[Model, ...]:
    """Return the models whose rows belong to an organization; those that refer to others come before them."""
    owned = {
        model: fields for model in apps.get_models() if (fields := references_of(model)) and Organization in fields
    }
    order: TopologicalSorter[Model] = TopologicalSorter(dict.fromkeys(owned, ()))
    for model, targets in owned.items():
        for target in targets & owned.keys() - {model}:
            order.add(target, model)
    return tuple(order.static_order())


def references_of(model: Model) -> set[Model]:
    """Return the models that a model's columns refer to."""
    return {field.related_model for field in model._meta.concrete_fields if field.is_relation}  # type: ignore[misc]


def rows_of(model: Model, organization: Organization) -> "models.QuerySet[Any]":
    """Return the rows of a model that belong to `organization`, as plain rows: an event may be deleted, too."""
    return models.QuerySet(model).filter(organization=organization)
