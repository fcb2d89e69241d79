"""What the API tells of organizations, members, roles, groups, keys and events: the answers and their schema."""

import re
from functools import cache
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.fields import empty

from api.fields import Text
from api.kinds import KINDS
from api.public_ids import PublicIds
from apikeys.models import ApiKey, Handover, Lineage
from audit.models import Action, ActorKind, Event
from members.models import Group, Level, Member, Organization, Role, Scope
from members.models.role import PREDEFINED
from members.models.scope import Access

Serializer = serializers.Serializer


class OrganizationSerializer(Serializer[Organization]):
    """The organization that the key is of."""

    id = serializers.CharField(source="public_id", help_text="The Organization ID; it never changes.")
    name = serializers.CharField()
    time_zone = serializers.CharField(help_text="An IANA name. Keys expire at midnight here.")
    domains = serializers.ListField(
        child=serializers.CharField(), source="domain_names", help_text="At these domains members have their addresses."
    )
    scim_enabled = serializers.BooleanField(help_text="Whether an identity provider may use SCIM.")
    scim_enabled_at = serializers.DateTimeField(allow_null=True)
    scim_base_url = serializers.URLField()
    directory_assigns_admin = serializers.BooleanField(help_text="Whether an identity provider may make Admins.")
    created_at = serializers.DateTimeField()


class RoleReferenceSerializer(Serializer[Role]):
    """A role, by id and name."""

    id = serializers.UUIDField(source="public_id")
    name = serializers.CharField()


@extend_schema_field(
    {
        "type": "object",
        "properties": {scope.value: {"type": "string", "enum": Level.values} for scope in Scope},
        "required": Scope.values,
    }
)
class AccessField(serializers.Field):  # type: ignore[type-arg]
    """The level in every scope; in one that the map says nothing of there is none."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(read_only=True, help_text="By scope: none, read, or read and change (`act`).", **kwargs)

    def to_representation(self, value: Access) -> dict[str, str]:
        """Return the whole map."""
        return {scope.value: value.get(scope.value, Level.NONE.value) for scope in Scope}


class RoleSerializer(RoleReferenceSerializer):
    """A named set of scopes with an access level each."""

    description = serializers.CharField()
    predefined = serializers.BooleanField(
        source="is_predefined", help_text=f"{', '.join(PREDEFINED)} are; they can't be edited or deleted."
    )
    access = AccessField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class MemberSerializer(Serializer[Member]):
    """A person in the organization."""

    id = serializers.UUIDField()
    user_name = serializers.CharField(help_text="An e-mail address; it never changes.")
    external_id = serializers.CharField(help_text="The identity provider's own id; empty if there is none.")
    given_name = serializers.CharField()
    family_name = serializers.CharField()
    display_name = serializers.CharField()
    role = RoleReferenceSerializer()
    role_is_assigned = serializers.BooleanField(
        help_text="Whether somebody, or the identity provider, assigned the role; else it comes from a group, "
        "or is Employee."
    )
    active = serializers.BooleanField(source="is_active")
    deactivated_at = serializers.DateTimeField(allow_null=True)
    source = serializers.ChoiceField(  # type: ignore[assignment]
        choices=Member.Source.values, help_text="How the member came to be."
    )
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class GroupSerializer(Serializer[Group]):
    """A directory group that an identity provider pushes."""

    id = serializers.UUIDField()
    display_name = serializers.CharField()
    external_id = serializers.CharField(help_text="The identity provider's own id; empty if there is none.")
    role = RoleReferenceSerializer(
        allow_null=True, help_text="What members to whom no role is assigned have from this group."
    )
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class HandoverSerializer(Serializer[Handover]):
    """How far the rotation of a key is."""

    stage = serializers.ChoiceField(
        choices=Handover.Stage.values,
        help_text="`unused`: the new key works, but nothing has used it; `both`: the old key is still used; `silent`: "
        "the old key has not been used since the new one's first use; `safe`: the old key can be deleted; `stalled`: "
        "no key that replaces it works.",
    )
    replaced_by = serializers.CharField(source="new.key_id", help_text="The `key_id` of the key that counts.")
    safe_at = serializers.DateTimeField(
        allow_null=True, help_text="When the old key can be deleted if nothing uses it until then; null if not known."
    )
    deleted_at = serializers.DateTimeField(
        source="goes_at", allow_null=True, help_text="When the old key is deleted by itself; null if it isn't."
    )


class ApiKeySerializer(Serializer[ApiKey]):
    """What may be told of a key; its text is in no answer."""

    key_id = serializers.CharField(help_text="The 8 characters after `torii_scim_` or `torii_api_`.")
    hint = serializers.CharField(help_text="What may be shown of the text.")
    type = serializers.ChoiceField(source="kind", choices=ApiKey.Kind.values)
    description = serializers.CharField()
    status = serializers.SerializerMethodField()
    waits_for_scim = serializers.SerializerMethodField(
        help_text="Whether the key is live but gets 403 for every request, because SCIM is turned off."
    )
    allowed_networks = serializers.ListField(
        child=serializers.CharField(),
        help_text="From where it may be used, in CIDR notation; none means anywhere.",
    )
    access = serializers.SerializerMethodField(
        help_text="What a key of type Torii API was given, by scope: none, read, or read and change (`act`). It does "
        "no more than whoever made it may do at that moment. Null for a key of type Torii SCIM."
    )
    replaces = serializers.SerializerMethodField(help_text="The `key_id` of the key in whose place it came.")
    rotation = serializers.SerializerMethodField(help_text="Null while no other key replaces it.")
    created_at = serializers.DateTimeField()
    created_by = serializers.CharField(source="created_by_name")
    expires_on = serializers.DateField(
        source="expiry_day", allow_null=True, help_text="The day on which it expires, in the organization's time zone."
    )
    expires_at = serializers.DateTimeField(allow_null=True, help_text="The instant from which the key is refused.")
    first_used_at = serializers.DateTimeField(allow_null=True)
    last_used_at = serializers.DateTimeField(allow_null=True, help_text="To the minute.")
    last_used_ip = serializers.IPAddressField(allow_null=True)
    last_used_user_agent = serializers.CharField()

    @extend_schema_field(AccessField(allow_null=True))
    def get_access(self, api_key: ApiKey) -> dict[str, str] | None:
        """Return the whole map."""
        return None if api_key.kind == ApiKey.Kind.SCIM else AccessField().to_representation(api_key.own_access)

    @extend_schema_field({"type": ["string", "null"]})
    def get_replaces(self, api_key: ApiKey) -> str | None:
        """Return the id part of the key that this one was rotated from."""
        return api_key.replaces.key_id if api_key.replaces else None

    @extend_schema_field(HandoverSerializer(allow_null=True))
    def get_rotation(self, api_key: ApiKey) -> Any:
        """Return how the handover to another key stands, by the `lineage` in the context."""
        lineage: Lineage = self.context["lineage"]
        handover = lineage.handover(api_key, timezone.now())
        return HandoverSerializer(handover).data if handover else None

    @extend_schema_field({"type": "string", "enum": ApiKey.Status.values})
    def get_status(self, api_key: ApiKey) -> str:
        """Return how far the key is in its life."""
        return api_key.status(timezone.now()).value

    def get_waits_for_scim(self, api_key: ApiKey) -> bool:
        """Return whether SCIM has to be turned on before the key works."""
        return api_key.waits_for_scim(timezone.now())


class ActorSerializer(Serializer[Any]):
    """Who did it."""

    kind = serializers.ChoiceField(choices=ActorKind.values)
    id = serializers.CharField(
        allow_null=True, help_text="A member's `id`, a key's `key_id`; null for staff and the system."
    )
    label = serializers.CharField()  # type: ignore[assignment]


class TargetSerializer(Serializer[Any]):
    """What it was done to."""

    type = serializers.CharField(help_text="As in `member`, `api_key`, `role`, `group`, `organization`.")
    id = serializers.CharField(
        allow_null=True, help_text="The id under which this API knows it; null for a role that is deleted."
    )
    label = serializers.CharField()  # type: ignore[assignment]


class AuditEventSerializer(Serializer[Event]):
    """One thing that happened, written once and never changed."""

    id = serializers.UUIDField()
    event = serializers.ChoiceField(source="action", choices=Action.values)
    description = serializers.CharField(source="get_action_display")
    created_at = serializers.DateTimeField()
    actor = serializers.SerializerMethodField()
    target = serializers.SerializerMethodField()
    changes = serializers.DictField(help_text="A field's name with `[before, after]`, or with what was set.")
    ip = serializers.IPAddressField(allow_null=True)
    user_agent = serializers.CharField()
    request_id = serializers.CharField(help_text="Names the request or the run that caused it; empty in old events.")

    @extend_schema_field(ActorSerializer)
    def get_actor(self, event: Event) -> dict[str, Any]:
        """Return who did it. The context holds the `PublicIds` of all events that are shown."""
        ids: PublicIds = self.context["ids"]
        return {"kind": event.actor_kind, "id": ids.of_actor(event), "label": event.actor_name}

    @extend_schema_field(TargetSerializer)
    def get_target(self, event: Event) -> dict[str, Any]:
        """Return what it was done to."""
        ids: PublicIds = self.context["ids"]
        return {"type": ids.type_of(event), "id": ids.of_target(event), "label": event.target_label}


class RoleNameSerializer(Serializer[Any]):
    """The role that a member is to have."""

    role = Text(min_length=1, max_length=60, help_text="A role's name, in any case.")


KEY_SHAPE = r"^torii_(scim|api)_[0-9a-z]{8}_[0-9A-Za-z]{49}$"
URL_SHAPE = r"^https?://[!-~]+$"
URL_LENGTH = 500


@extend_schema_field({"type": "string", "pattern": KEY_SHAPE, "minLength": 68, "maxLength": 69})
class KeyField(Text):
    """The text of a key, which its reader judges (`api.leaked_keys`)."""

    def run_validation(self, data: Any = empty) -> str:
        """Return the text; an empty one is for the reader to judge like any other that is no key."""
        return "" if data == "" else super().run_validation(data)


@extend_schema_field({"type": "string", "pattern": URL_SHAPE, "maxLength": URL_LENGTH})
class UrlField(Text):
    """A URL, of which nothing is asked but that it may be shown to a person."""

    default_error_messages = {"shape": "Use a URL that begins with http:// or https://."}

    def to_internal_value(self, data: Any) -> str:
        """Return the URL. Raises ValidationError."""
        text = super().to_internal_value(data)
        if not re.fullmatch(URL_SHAPE.rstrip("$"), text):
            self.fail("shape")
        return text


class LeakSerializer(Serializer[Any]):
    """A key that was found where anybody could see it."""

    key = KeyField(help_text="The whole text of the key.")
    found_at = UrlField(required=False, max_length=URL_LENGTH, help_text="The URL at which it was found.")


class LeakResultSerializer(Serializer[Any]):
    """What became of the report."""

    result = serializers.ChoiceField(
        choices=["deleted", "not_found"],
        help_text="`not_found` for a key that never was, and for one that is deleted already.",
    )


class ProblemSerializer(Serializer[Any]):
    """Why a request was refused (RFC 9457)."""

    type = serializers.URLField(help_text="Names the kind of problem, and leads to its description.")
    title = serializers.CharField(help_text="The kind of problem in words.")
    status = serializers.IntegerField(help_text="The HTTP status.")
    detail = serializers.CharField(help_text="What is wrong with this request.")
    code = serializers.ChoiceField(choices=list(KINDS), help_text="The kind of problem for programs: it never changes.")
    request_id = serializers.CharField(help_text="Names the request in our log; also in the header X-Request-Id.")
    errors = serializers.DictField(  # type: ignore[assignment]
        child=serializers.ListField(child=serializers.CharField()),
        required=False,
        help_text="By field or parameter: what is wrong with it.",
    )


@cache
def page_of(item: type[Serializer[Any]]) -> type[Serializer[Any]]:
    """Return the serializer of a page of `item`s: there is one for each, for the schema alone."""
    return type(
        f"{item.__name__.removesuffix('Serializer')}PageSerializer",
        (Serializer,),
        {
            "__doc__": "A page of a list.",
            "__module__": __name__,
            "results": item(many=True),
            "next": serializers.URLField(allow_null=True, help_text="The URL of the next page; null on the last."),
            "previous": serializers.URLField(
                allow_null=True, help_text="The URL of the page before; null on the first."
            ),
        },
    )
