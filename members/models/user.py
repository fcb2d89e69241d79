"""A User is a login identity, one per e-mail address; what it may do is up to its memberships.

SCIM never touches users: one may belong to several organizations. A user comes to be when somebody signs in for the
first time with an address that an organization's member has.
"""

import datetime as dt
from typing import Any, ClassVar

from allauth.core import context as current
from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models.functions import Lower
from django.utils import timezone

from audit.actor import Actor, ActorKind, Origin
from lib.purge import purge
from members.models.power import StaffPower
from members.names import clean_names


class UserManager(BaseUserManager["User"]):
    """Makes users; addresses are kept in lower case."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Create a user with `email`; without `password` only an e-mailed code signs them in."""
        user = self.model(email=email.lower(), **fields)
        user.set_password(password)
        # Whoever runs the command vouches for the person.
        user.password_proven_at = timezone.now()
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Create a member of the vendor's staff with every permission (`manage.py createsuperuser`)."""
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, username: str | None) -> "User":
        """Return the user with this e-mail address, in whatever case."""
        return self.get(email=(username or "").lower())

    def ensure_for_sign_in(self, email: str) -> "User | None":
        """Return the user who may come in over a mail to `email`, made now for a member who never signed in before.

        None if that is neither an active member's address nor a member's of staff: nobody else gets a code or a link.
        """
        from members.models.member import Member

        user = self.filter(email=email.lower()).first()
        if user is not None and (user.is_staff or user.memberships.active().exists()):
            return user
        if not Member.objects.active().with_user_name(email).exists():
            return None
        return user or self.get_or_create(email=email.lower(), defaults={"password": "!"})[0]

    def forget(self, now: dt.datetime, seconds: int) -> int:
        """Delete logins that nobody has used for that long and that open nothing; 0 keeps them for ever.

        Staff keep theirs, and so does whoever has been locked out: their row is what keeps them out.
        """
        from members.models.member import Member

        if not seconds:
            return 0
        before = now - dt.timedelta(seconds=seconds)
        unused = self.filter(date_joined__lt=before, is_staff=False, is_active=True)
        unused = unused.filter(models.Q(last_login=None) | models.Q(last_login__lt=before))
        is_member = models.Q(user=models.OuterRef("pk")) | models.Q(user_name__lower=models.OuterRef("email"))
        return purge(unused.filter(~models.Exists(Member.objects.filter(is_member))))


class User(AbstractBaseUser, PermissionsMixin):
    """A login identity. `is_staff` opens the Django admin, and nothing else."""

    email = models.EmailField(max_length=254, unique=True)
    first_name = models.CharField(max_length=150, blank=True)
    last_name = models.CharField(max_length=150, blank=True)
    is_staff = models.BooleanField("staff", default=False, help_text="May sign in to the staff admin.")
    is_active = models.BooleanField("active", default=True, help_text="Unticked, nobody can sign in with this address.")
    date_joined = models.DateTimeField(default=timezone.now)
    # The time of the proof with which the password was set: `members.proofs`.
    password_proven_at = models.DateTimeField(null=True, blank=True, editable=False)

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"

    objects: ClassVar[UserManager] = UserManager()

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(email=Lower("email")), name="user_email_lower_case")]

    def __str__(self) -> str:
        return self.email

    def clean(self) -> None:
        """Refuse what no name may have, and an address that isn't ASCII: see `check_address`."""
        super().clean()
        clean_names(self, "first_name", "last_name")
        if not (self.email.isascii() and self.email.isprintable()):
            raise ValidationError({"email": "Write an e-mail address in ASCII, as in ana@example.com."})

    _sets_first_password = False
    # The time of the proof that whoever sets a password has given.
    proven_at: dt.datetime | None = None

    def set_password(self, raw_password: str | None) -> None:
        self._sets_first_password = not self.has_usable_password()
        super().set_password(raw_password)

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save the user, the address in lower case. Tell the person of a new password, at whatever door it was set.

        A password that somebody else sets proves nothing about the address.
        """
        from audit.models import Action
        from members.account_events import members_of, record_by_person
        from members.account_mail import tell_password

        self.email = self.email.lower()
        # Django's mark that set_password was called; a password that is hashed anew, because it was right, has none.
        is_new_password = getattr(self, "_password", None) is not None and not self._state.adding
        if is_new_password:
            self.password_proven_at, self.proven_at = self.proven_at, None
        with transaction.atomic():
            super().save(*args, **kwargs)
            if is_new_password:
                record_by_person(Action.PASSWORD_SET, members_of(self.email), current.request)
                tell_password(self, current.request, is_first=self._sets_first_password)

    def actor(self, origin: Origin | None = None, *, right: str) -> Actor:
        """Return this member of the vendor's staff as an actor, who may do everything while they have `right`."""
        return Actor(ActorKind.STAFF, str(self.pk), self.email, origin or Origin(), StaffPower(self.pk, right))

    def get_full_name(self) -> str:
        """Return "Ana Admin", or the address of a user without a name."""
        return f"{self.first_name} {self.last_name}".strip() or self.email
