"""What a name of a person, group, role or organization may hold: the check that every verb makes of what is new.

What was stored before there was a check stays, so that an old name stops no other change.
"""

from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.db import models

from lib.plain_text import unfit_character
from members.directory import DirectoryProfile
from members.errors import TextUnfit

if TYPE_CHECKING:
    from members.models.member import Member


NOTHING: dict[str, str] = {}


def check_person(profile: DirectoryProfile, before: "Member | None" = None) -> None:
    """Raise TextUnfit for a name in `profile`, other than one that `before` has, with a character no name may have.

    All of them are looked at as one text first: on every write of a directory, and nearly always fit. What no name may
    have can't be printed, and of that `check_names` lets pass what a name may have, as the joiner of emoji.
    """
    extra = profile.attributes
    own = f"{profile.display_name}{profile.given_name}{profile.family_name}{profile.external_id}"
    text = f"{own}{extra.get('title')}{extra.get('nickName')}{''.join(extra.get('name', NOTHING).values())}"
    if not text.isprintable():
        known = names_of(before) if before else {}
        check_names(**{name: text for name, text in names_of(profile).items() if text != known.get(name)})


def names_of(person: "DirectoryProfile | Member") -> dict[str, str]:
    """Return what names somebody, by the names that SCIM has for it."""
    attributes = person.attributes
    return {
        "displayName": person.display_name,
        "givenName": person.given_name,
        "familyName": person.family_name,
        "externalId": person.external_id,
        "title": attributes.get("title", ""),
        "nickName": attributes.get("nickName", ""),
        **attributes.get("name", {}),
    }


def check_names(**texts: str) -> None:
    """Raise TextUnfit for the first of `texts` with a character that no name may have."""
    for name, text in texts.items():
        if character := unfit_character(text):
            raise TextUnfit(name, character)


def valid_name(text: str) -> None:
    """Raise ValidationError for a text of a form with a character that no name may have."""
    if character := unfit_character(text):
        raise ValidationError(TextUnfit("This", character).detail)


def clean_names(row: models.Model, *fields: str) -> None:
    """Raise ValidationError for those of a row's texts that are new and have a character that no name may have."""
    found = {field: character for field in fields if (character := unfit_character(getattr(row, field)))}
    if found and row.pk:
        stored = type(row)._default_manager.filter(pk=row.pk).values(*found).first() or {}
        found = {field: character for field, character in found.items() if stored.get(field) != getattr(row, field)}
    if found:
        raise ValidationError({field: TextUnfit(field, character).detail for field, character in found.items()})
