"""When each member was last modified, in a table of its own, which lists by `meta.lastModified` are read from.

Every write of a member changes this moment. An index on it in the members' own table would make each of them write
all other indexes too; here a change writes two small ones. Triggers of PostgreSQL keep the table, so it follows every
path of writing, the release before's as well. On SQLite it stays empty: lists are sorted there without it.
"""

from django.db import models

from members.models.organization import Organization


class Modification(models.Model):
    """The moment at which a member was last modified."""

    member = models.OneToOneField(
        "members.Member",
        on_delete=models.DO_NOTHING,
        primary_key=True,
        db_constraint=False,
        related_name="modification",
    )
    organization = models.ForeignKey(
        Organization, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    updated_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["organization", "updated_at", "member"], name="member_modified_at")]

    def __str__(self) -> str:
        return str(self.updated_at)
