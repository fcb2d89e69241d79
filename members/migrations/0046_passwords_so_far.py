"""What the passwords that are there already prove; those of people who have left end.

Nobody wrote down when a password was set. At the last sign-in it was there, and opened what there was then; what has
been added since, it doesn't open. Of somebody who has never signed in, it is no older than their row.
"""

from django.contrib.auth.hashers import make_password
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps
from django.db.models import Exists, F, OuterRef
from django.db.models.functions import Coalesce

AT_ONCE = 1_000


def look_at_passwords(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Fill the column in; end what is left of people without a membership."""
    members = apps.get_model("members", "Member").objects
    users = apps.get_model("members", "User").objects
    usable = users.exclude(password__startswith="!")  # noqa: S106 - Django's mark of a password that isn't usable
    usable.filter(password_proven_at=None).update(password_proven_at=Coalesce(F("last_login"), F("date_joined")))
    is_member = Exists(members.filter(user=OuterRef("pk"))) | Exists(members.filter(user_name__lower=OuterRef("email")))
    gone = usable.filter(~is_member, is_staff=False)
    for user in gone.only("pk").order_by("pk").iterator(chunk_size=AT_ONCE):
        users.filter(pk=user.pk).update(password=make_password(None), password_proven_at=None)


class Migration(migrations.Migration):
    """Changes rows of users."""

    dependencies = [("members", "0045_passwords_end")]

    operations = [migrations.RunPython(look_at_passwords, migrations.RunPython.noop)]
