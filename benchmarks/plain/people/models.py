"""A user and a group with the library's mixins, and a token."""

from django.contrib.auth.models import AbstractUser
from django.db import models
from django_scim.models import AbstractSCIMGroupMixin, AbstractSCIMUserMixin


class Group(AbstractSCIMGroupMixin):
    """A group."""

    name = models.CharField(max_length=150, unique=True)

    class Meta:
        app_label = "people"

    def __str__(self) -> str:
        return self.name


class User(AbstractSCIMUserMixin, AbstractUser):
    """A person."""

    scim_groups = models.ManyToManyField(Group, related_name="user_set")

    class Meta:
        app_label = "people"


class Token(models.Model):
    """A bearer token and the user who calls with it."""

    key = models.CharField(max_length=64, unique=True)
    user = models.ForeignKey(User, on_delete=models.CASCADE)

    class Meta:
        app_label = "people"

    def __str__(self) -> str:
        return f"Token {self.pk}"
