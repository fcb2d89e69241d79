"""Values in shapes of their own: what identity providers send and the RFC doesn't know."""

from typing import Any

import pytest

from tests.identity_provider import ENTERPRISE, USER, IdentityProvider, assert_error

EMAIL = [{"value": "b@x.test"}]


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ({"emails": {"value": "b@x.test"}}, {"emails": EMAIL}),
        ({"emails": "b@x.test"}, {"emails": EMAIL}),
        ({"emails": ["b@x.test"]}, {"emails": EMAIL}),
        ({"EMAILS": {"value": "b@x.test"}}, {"emails": EMAIL}),
        ({"phoneNumbers": "+49"}, {"phoneNumbers": [{"value": "+49"}]}),
        ({ENTERPRISE: {"manager": "7"}}, {ENTERPRISE: {"manager": {"value": "7"}}}),
        ({ENTERPRISE: {"manager": {"value": "7"}}}, {ENTERPRISE: {"manager": {"value": "7"}}}),
        ({ENTERPRISE: {"manager": [{"value": "7"}]}}, {ENTERPRISE: {"manager": {"value": "7"}}}),
        ({ENTERPRISE: {"manager": ["7"]}}, {ENTERPRISE: {"manager": {"value": "7"}}}),
        ({"active": "False"}, {"active": False}),
        ({"active": "true"}, {"active": True}),
        ({"emails": [{"value": "b@x.test", "primary": "True"}]}, {"emails": [{"value": "b@x.test", "primary": True}]}),
    ],
)
def test_a_value_takes_the_shape_of_its_attribute(
    okta: IdentityProvider, sent: dict[str, Any], kept: dict[str, Any]
) -> None:
    created = okta.create(**sent)
    put = okta.put(created.json()["id"], userName="bob@acme.example", **sent)
    patched_id = okta.create("carol@acme.example").json()["id"]
    patched = okta.patch(patched_id, {"op": "Add", "value": sent})

    for response in (created, put, patched):
        assert response.status_code in (200, 201), response.content
        assert {name: response.json()[name] for name in kept} == kept


@pytest.mark.parametrize("value", ["7", {"value": "7"}, [{"value": "7"}], ["7"], {"value": "7", "$ref": "../Users/7"}])
@pytest.mark.parametrize("op", ["Add", "replace"])
def test_a_manager_is_patched_in_every_shape(okta: IdentityProvider, bob: dict[str, Any], op: str, value: Any) -> None:
    by_path = okta.patch(bob["id"], {"op": op, "path": f"{ENTERPRISE}:manager", "value": value})
    okta.patch(bob["id"], {"op": "remove", "path": f"{ENTERPRISE}:manager"})
    by_name = okta.patch(bob["id"], {"op": op, "value": {f"{ENTERPRISE}:manager": value}})

    assert by_path.json()[ENTERPRISE]["manager"]["value"] == "7"
    assert by_name.json()[ENTERPRISE]["manager"]["value"] == "7"


@pytest.mark.parametrize(
    "sent",
    [
        {f"{USER}:title": "Sir", f"{ENTERPRISE}:department": "IT"},
        {USER: {"title": "Sir"}, ENTERPRISE: {"department": "IT"}},
        {USER.upper(): {"TITLE": "Sir"}, f"{ENTERPRISE.upper()}:DEPARTMENT": "IT"},
        {"title": "Sir", "department": "IT"},
    ],
)
def test_an_attribute_comes_to_where_it_belongs(okta: IdentityProvider, sent: dict[str, Any]) -> None:
    created = okta.create(**sent, **{f"{ENTERPRISE}:manager": "7"})
    put = okta.put(created.json()["id"], userName="bob@acme.example", manager="8", **sent)
    patched_id = okta.create("carol@acme.example").json()["id"]
    patched = okta.patch(patched_id, {"op": "add", "value": sent}, {"op": "Add", "path": "manager", "value": "9"})

    for number, response in zip("789", (created, put, patched), strict=True):
        assert response.status_code in (200, 201), response.content
        assert response.json()["title"] == "Sir"
        assert response.json()[ENTERPRISE] == {"department": "IT", "manager": {"value": number}}


@pytest.mark.parametrize(
    "path", ["manager", "manager.value", f"{ENTERPRISE}:manager", f"{ENTERPRISE}:manager.value", "MANAGER"]
)
def test_a_filter_finds_a_manager_as_entra_asks(okta: IdentityProvider, bob: dict[str, Any], path: str) -> None:
    created = okta.create("carol@acme.example", **{ENTERPRISE: {"manager": {"value": bob["id"]}}}).json()

    assert okta.list(f'id eq "{created["id"]}" and {path} eq "{bob["id"]}"', attributes="id") == [
        {"schemas": created["schemas"], "id": created["id"]}
    ]
    assert okta.list(f'{path} eq "{created["id"]}"') == []


@pytest.mark.parametrize("path", ['manager[value eq "7"]', f'{ENTERPRISE}:manager[value eq "7"]'])
def test_a_manager_is_removed_as_entra_asks(okta: IdentityProvider, path: str) -> None:
    created = okta.create(**{ENTERPRISE: {"manager": {"value": "7"}, "department": "IT"}}).json()
    assert okta.patch(created["id"], {"op": "remove", "path": path}).json()[ENTERPRISE] == {"department": "IT"}


@pytest.mark.parametrize("value", ["", None, []])
def test_an_empty_manager_is_none(okta: IdentityProvider, value: Any) -> None:
    created = okta.create(**{ENTERPRISE: {"manager": {"value": "7"}, "department": "IT"}}).json()

    changed = okta.patch(created["id"], {"op": "replace", "path": f"{ENTERPRISE}:manager", "value": value})

    assert changed.json()[ENTERPRISE] == {"department": "IT"}
    assert ENTERPRISE not in okta.put(created["id"], userName="bob@acme.example", **{ENTERPRISE: {"manager": value}})


def test_a_value_without_a_path_may_have_filtered_paths_as_its_names(
    okta: IdentityProvider, bob: dict[str, Any]
) -> None:
    value = {
        "displayName": "Robert",
        "name.givenName": "Rob",
        'emails[type eq "work"].value': "rob@x.test",
        'phoneNumbers[type eq "mobile"].value': "+49",
        f"{ENTERPRISE}:department": "IT",
    }

    changed = okta.patch(bob["id"], {"op": "Add", "value": value}).json()

    assert changed["displayName"] == "Robert"
    assert changed["name"]["givenName"] == "Rob"
    assert changed["emails"] == [{"value": "rob@x.test", "type": "work", "primary": True}]
    assert changed["phoneNumbers"] == [{"value": "+49", "type": "mobile"}]
    assert changed[ENTERPRISE] == {"department": "IT"}


def test_what_is_read_only_may_be_sent_back_as_it_was_read(okta: IdentityProvider, bob: dict[str, Any]) -> None:
    okta.call("POST", "/Groups", {"displayName": "Works", "members": [{"value": bob["id"]}]})
    read = okta.get(f"/Users/{bob['id']}").json()

    changed = okta.patch(bob["id"], {"op": "replace", "value": read | {"title": "Sir"}})

    assert changed.json() | {"meta": read["meta"]} == read | {"title": "Sir"}
    assert_error(okta.patch(bob["id"], {"op": "replace", "value": {"groups": []}}), 400, "mutability")
    assert okta.put(bob["id"], **changed.json()).json() == changed.json()


def test_a_remove_takes_only_what_it_selects(okta: IdentityProvider) -> None:
    values = [{"value": "Play", "primary": True}, {"value": "Work", "primary": False}]
    created = okta.create(entitlements=values).json()
    selected = [{"primary": True}, {"primary": True}]

    changed = okta.patch(created["id"], {"op": "remove", "path": "entitlements", "value": selected}).json()

    assert changed["entitlements"] == [values[1]]


@pytest.mark.parametrize("whole", [None, [], {}], ids=str)
@pytest.mark.parametrize("urn", [USER, ENTERPRISE])
def test_an_empty_schema_says_nothing(okta: IdentityProvider, urn: str, whole: Any) -> None:
    created = okta.create(**{urn: whole, f"{ENTERPRISE}:department": "IT"})

    assert created.status_code == 201, created.content
    assert created.json()[ENTERPRISE] == {"department": "IT"}


# A value that no part of the attribute can hold must not look stored --------------------------------------------------

MISFITS: list[dict[str, Any]] = [
    {"name": "Grace"},
    {"name": ["Grace"]},
    {"name": 7},
    {"name": True},
    {"name": [{"givenName": "Grace"}, {"givenName": "Ada"}]},
    {"addresses": "Main St"},
    {"addresses": ["Main St"]},
    {"addresses": [{"locality": "Berlin"}, "Main St"]},
    {"addresses": 7},
    {"emails": 7},
    {"emails": [["b@x.test"]]},
    {"emails": [{"value": {"value": "b@x.test"}}]},
    {"phoneNumbers": True},
    {"title": ["Sir"]},
    {"title": {"value": "Sir"}},
    {"active": ["false", "true"]},
    {"manager": ["7", "8"]},
    {"manager": 7},
    {"x509Certificates": "no Base64!"},
    {ENTERPRISE: "IT"},
    {ENTERPRISE: 7},
    {ENTERPRISE: [{"department": "IT"}]},
    {ENTERPRISE: {"manager": [{"value": "7"}, {"value": "8"}]}},
    {ENTERPRISE: {"department": {"value": "IT"}}},
    {USER: "Sir"},
    {USER: {"name": "Grace"}},
    {f"{USER}:addresses": "Main St"},
]


@pytest.mark.parametrize("sent", MISFITS, ids=str)
def test_a_value_that_is_not_stored_does_not_look_stored(
    okta: IdentityProvider, bob: dict[str, Any], sent: Any
) -> None:
    assert_error(okta.create("carol@acme.example", **sent), 400, "invalidValue")
    assert_error(okta.put(bob["id"], userName="bob@acme.example", **sent), 400, "invalidValue")
    for op in ("add", "replace"):
        assert_error(okta.patch(bob["id"], {"op": op, "value": sent}), 400, "invalidValue")
        for path, value in sent.items():
            assert_error(okta.patch(bob["id"], {"op": op, "path": path, "value": value}), 400, "invalidValue")
    assert okta.list('userName eq "carol@acme.example"') == []
    assert okta.get(f"/Users/{bob['id']}").json() == bob


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ('addresses[type eq "work"]', "Main St"),
        ('emails[type eq "work"]', ["a@x.test", "b@x.test"]),
        ('addresses[type eq "work"].formatted', {"value": "Main St"}),
        ("name.givenName", {"value": "Grace"}),
        ("name.givenName", ["Grace"]),
        ("addresses.formatted", {"value": "Main St"}),
    ],
)
def test_a_path_into_an_attribute_takes_what_that_part_holds(
    okta: IdentityProvider, bob: dict[str, Any], path: str, value: Any
) -> None:
    okta.patch(bob["id"], {"op": "add", "path": "addresses", "value": [{"type": "home", "formatted": "Yard 7"}]})
    before = okta.get(f"/Users/{bob['id']}").json()

    assert_error(okta.patch(bob["id"], {"op": "replace", "path": path, "value": value}), 400, "invalidValue")
    assert_error(okta.patch(bob["id"], {"op": "replace", "value": {path: value}}), 400, "invalidValue")
    assert okta.get(f"/Users/{bob['id']}").json() == before


@pytest.mark.parametrize(
    "path",
    [
        'emails[value eq "gone@x.test"].display',
        'emails[value eq "gone@x.test"]',
        'emails[type eq "work" and value eq "gone@x.test"].display',
        'emails[display eq "Gone"].value',
        'emails[value eq "gone@x.test" or type eq "home"].display',
        'emails[not (type eq "work")].display',
        'emails[type ne "work"].display',
        'emails[type eq "home" or type eq "other"].display',
        'addresses[locality eq "Berlin"].country',
        "phoneNumbers[value pr].display",
        "phoneNumbers.display",
        "addresses.formatted",
    ],
)
@pytest.mark.parametrize("op", ["add", "Replace"])
def test_a_path_to_a_value_that_is_not_there_has_no_target(
    okta: IdentityProvider, bob: dict[str, Any], path: str, op: str
) -> None:
    value = {"display": "Gone"} if path.endswith("]") else "Gone"
    also = {"op": "add", "path": 'ims[type eq "xmpp"].value', "value": "bob"}

    assert_error(okta.patch(bob["id"], also, {"op": op, "path": path, "value": value}), 400, "noTarget")
    assert_error(okta.patch(bob["id"], also, {"op": op, "value": {path: value}}), 400, "noTarget")
    assert okta.get(f"/Users/{bob['id']}").json() == bob


@pytest.mark.parametrize(
    ("path", "created"),
    [
        ('ims[type eq "xmpp"].value', {"type": "xmpp", "value": "bob"}),
        ("ims[primary eq true].value", {"primary": True, "value": "bob"}),
        ('ims[primary eq "True"].value', {"primary": True, "value": "bob"}),
        ('ims[type eq "xmpp" and primary eq true].value', {"type": "xmpp", "primary": True, "value": "bob"}),
        ('ims[TYPE eq "xmpp"].value', {"type": "xmpp", "value": "bob"}),
    ],
)
def test_a_filter_on_the_kind_of_a_value_creates_one(
    okta: IdentityProvider, bob: dict[str, Any], path: str, created: dict[str, Any]
) -> None:
    assert okta.patch(bob["id"], {"op": "Add", "path": path, "value": "bob"}).json()["ims"] == [created]


def test_a_filter_on_a_value_changes_one_that_an_operation_before_has_added(
    okta: IdentityProvider, bob: dict[str, Any]
) -> None:
    changed = okta.patch(
        bob["id"],
        {"op": "add", "path": 'phoneNumbers[type eq "work"].value', "value": "+49"},
        {"op": "add", "path": 'phoneNumbers[value eq "+49"].display', "value": "Desk"},
        {"op": "replace", "path": "phoneNumbers.type", "value": "home"},
        {"op": "add", "path": 'phoneNumbers[type eq "work"].value', "value": "+50"},
    )

    assert changed.json()["phoneNumbers"] == [
        {"type": "home", "value": "+49", "display": "Desk"},
        {"type": "work", "value": "+50"},
    ]


@pytest.mark.parametrize("op", ["remove", "Remove"])
def test_a_remove_of_what_is_not_there_is_done_already(okta: IdentityProvider, bob: dict[str, Any], op: str) -> None:
    for path in ('emails[value eq "gone@x.test"]', "phoneNumbers.display", 'phoneNumbers[type eq "work"]'):
        assert okta.patch(bob["id"], {"op": op, "path": path}).json() == bob


# Other names for our schemas ------------------------------------------------------------------------------------------

CORES = [
    "urn:scim:schemas:core:1.0",
    "urn:scim:schemas:core:2.0",
    "urn:scim:schemas:core:2.0:User",
    "urn:ietf:params:scim:schemas:core:2.0",
    USER.lower(),
]
EXTENSIONS = [
    "urn:scim:schemas:extension:enterprise:1.0",
    "urn:scim:schemas:extension:enterprise:2.0",
    "urn:scim:schemas:extension:enterprise:2.0:User",
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0",
    ENTERPRISE.upper(),
]


@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize("extension", EXTENSIONS)
def test_schemas_of_other_dialects_are_ours(okta: IdentityProvider, core: str, extension: str) -> None:
    sent = {"schemas": [core, extension], "userName": "bob@acme.example", extension: {"department": "IT"}}
    sent |= {f"{core}:title": "Sir", f"{extension}:division": "North"}

    created = okta.call("POST", "/Users", sent)
    put = okta.put(created.json()["id"], **sent)
    operations: list[dict[str, Any]] = [
        {"op": "replace", "path": f"{extension}:department", "value": "HR"},
        {"op": "add", "value": {f"{extension}:division": "South", core: {"title": "Sire"}}},
    ]
    patched = okta.patch(created.json()["id"], *operations)

    for answer in (created, put):
        assert answer.status_code in (200, 201), answer.content
        assert answer.json()["schemas"] == [USER, ENTERPRISE]
        assert answer.json()["title"] == "Sir"
        assert answer.json()[ENTERPRISE] == {"department": "IT", "division": "North"}
    assert patched.json()["title"] == "Sire"
    assert patched.json()[ENTERPRISE] == {"department": "HR", "division": "South"}


@pytest.mark.parametrize(
    "schemas",
    [
        ["urn:example:x"],
        ["urn:scim:schemas:core:3.0"],
        ["urn:scim:schemas:core:2.0:Group"],
        ["urn:scim:schemas:extension:enterprise:2.0"],
        ["urn:scim:schemas:core:2.0:User:x"],
        [7],
        7,
    ],
    ids=str,
)
def test_a_schema_that_nobody_knows_is_refused(okta: IdentityProvider, bob: dict[str, Any], schemas: Any) -> None:
    assert okta.call("POST", "/Users", {"schemas": schemas, "userName": "c@acme.example"}).status_code == 400
    assert okta.put(bob["id"], schemas=schemas, userName="bob@acme.example").status_code == 400
    assert okta.get(f"/Users/{bob['id']}").json() == bob


def test_an_empty_path_is_none(okta: IdentityProvider, bob: dict[str, Any]) -> None:
    assert okta.patch(bob["id"], {"op": "replace", "path": "", "value": {"title": "Sir"}}).json()["title"] == "Sir"


def test_a_new_primary_value_takes_over(okta: IdentityProvider, bob: dict[str, Any]) -> None:
    added = okta.patch(
        bob["id"], {"op": "add", "path": "emails", "value": {"value": "n@x.test", "primary": True}}
    ).json()
    assert [(email["value"], email["primary"]) for email in added["emails"]] == [
        ("bob@acme.example", False),
        ("n@x.test", True),
    ]


@pytest.mark.parametrize(
    ("operation", "scim_type"),
    [
        ({"op": "remove"}, "noTarget"),
        ({"op": "replace", "path": "emails[", "value": "x"}, "invalidPath"),
        ({"op": "replace", "path": 'emails[type eq "work"', "value": "x"}, "invalidPath"),
        ({"op": "add", "path": "displayName"}, "invalidValue"),
        ({"op": "replace", "path": "displayName", "value": {"a": 1}}, "invalidValue"),
        ({"op": "replace", "path": "active", "value": "perhaps"}, "invalidValue"),
        ({"op": "move", "path": "displayName", "value": "x"}, "invalidValue"),
        ({"op": "replace", "path": "id", "value": "x"}, "mutability"),
        ({"op": "replace", "path": "meta.created", "value": "2020-01-01T00:00:00Z"}, "mutability"),
        ({"op": "add", "path": "groups", "value": [{"value": "x"}]}, "mutability"),
    ],
)
def test_a_patch_that_means_nothing_changes_nothing(
    okta: IdentityProvider, bob: dict[str, Any], operation: dict[str, Any], scim_type: str
) -> None:
    first = {"op": "replace", "path": "nickName", "value": "Lost"}
    assert_error(okta.patch(bob["id"], first, operation), 400, scim_type)
    assert okta.get(f"/Users/{bob['id']}").json() == bob


@pytest.mark.parametrize("operation", [{"path": "shoeSize", "value": "43"}, {"value": {"shoeSize": "43", "x": {}}}])
def test_an_attribute_that_nobody_knows_is_ignored(
    okta: IdentityProvider, bob: dict[str, Any], operation: dict[str, Any]
) -> None:
    assert okta.patch(bob["id"], {"op": "replace"} | operation).json() == bob
    assert okta.put(bob["id"], userName="bob@acme.example", shoeSize=43, **{"urn:x:y": {"a": 1}}).status_code == 200


def test_a_password_is_taken_and_thrown_away(okta: IdentityProvider, bob: dict[str, Any]) -> None:
    created = okta.create("carol@acme.example", password="hunter22secret")
    patched = okta.patch(bob["id"], {"op": "replace", "path": "password", "value": "hunter22secret"})
    put = okta.put(bob["id"], userName="bob@acme.example", password="hunter22secret")

    for response in (created, patched, put):
        assert response.status_code in (200, 201)
        assert b"hunter22" not in response.content
    assert b"hunter22" not in okta.get("/Users").content
