"""Tell a role that somebody chose from one that nobody did.

Whoever isn't an Employee was made what they are by somebody; an Employee most likely by nobody.
"""

from typing import Any

from django.db import migrations, models

EMPLOYEE = "Employee"


def fill(apps: Any, schema_editor: Any) -> None:
    """Call every role assigned but the predefined Employee."""
    employee_roles = apps.get_model("members", "Role").objects.filter(is_predefined=True, name=EMPLOYEE)
    members = apps.get_model("members", "Member").objects
    members.exclude(role__in=employee_roles).update(role_is_assigned=True)


class Migration(migrations.Migration):
    dependencies = [
        ("members", "0003_role_timestamps"),
    ]

    operations = [
        migrations.AddField(
            model_name="member",
            name="role_is_assigned",
            field=models.BooleanField(default=False, editable=False),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
