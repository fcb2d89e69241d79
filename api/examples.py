"""An example of every answer and body, for the schema and the page made from it; a test holds them against it."""

from typing import Any

REQUEST_ID = "01980c3a7f6e4b0d9f2c5d1e8a7b6c54"
ROLE = {"id": "0193a1f0-5c00-7abc-8def-0a1b2c3d4e5f", "name": "IT Admin"}
MEMBER = {
    "id": "0193a1f0-6d11-7abc-9def-1a2b3c4d5e6f",
    "user_name": "ira@acme.example",
    "external_id": "00u1a2b3c4",
    "given_name": "Ira",
    "family_name": "Item",
    "display_name": "Ira Item",
    "role": ROLE,
    "role_is_assigned": True,
    "active": True,
    "deactivated_at": None,
    "source": "scim",
    "created_at": "2026-11-02T09:15:00.123456Z",
    "updated_at": "2026-11-20T14:30:00.654321Z",
}
WHOLE_ROLE = ROLE | {
    "description": "Looks after members; sees the other settings.",
    "predefined": True,
    "access": {"security": "read", "api_access": "read", "members": "act", "roles": "read", "audit_log": "read"},
    "created_at": "2026-11-02T09:00:00.000001Z",
    "updated_at": "2026-11-02T09:00:00.000001Z",
}
GROUP = {
    "id": "0193a1f0-7e22-7abc-adef-2a3b4c5d6e7f",
    "display_name": "Helpdesk",
    "external_id": "00g1a2b3c4",
    "role": ROLE,
    "created_at": "2026-11-02T09:20:00.123456Z",
    "updated_at": "2026-11-21T08:00:00.654321Z",
}
API_KEY = {
    "key_id": "k3y1d2ab",
    "hint": "torii_api_k3y1d2ab…a1b2",
    "type": "api_write",
    "description": "Off-boarding script",
    "status": "live",
    "waits_for_scim": False,
    "allowed_networks": ["203.0.113.0/24"],
    "access": {"security": "none", "api_access": "none", "members": "act", "roles": "read", "audit_log": "none"},
    "replaces": None,
    "rotation": {
        "stage": "silent",
        "replaced_by": "n3wk3y5c",
        "safe_at": "2026-11-24T16:40:00.654321Z",
        "deleted_at": None,
    },
    "created_at": "2026-11-02T10:00:00.123456Z",
    "created_by": "Ana Admin",
    "expires_on": "2027-11-02",
    "expires_at": "2027-11-01T23:00:00Z",
    "first_used_at": "2026-11-02T10:05:00.123456Z",
    "last_used_at": "2026-11-23T16:40:00.654321Z",
    "last_used_ip": "203.0.113.9",
    "last_used_user_agent": "curl/8.9.1",
}
EVENT = {
    "id": "0193a1f0-8f33-7abc-bdef-3a4b5c6d7e8f",
    "event": "member.role_changed",
    "description": "Member's role changed",
    "created_at": "2026-11-20T14:30:00.654321Z",
    "actor": {"kind": "api_key", "id": "k3y1d2ab", "label": "torii_api_k3y1d2ab…a1b2"},
    "target": {"type": "member", "id": MEMBER["id"], "label": "ira@acme.example"},
    "changes": {"role": ["Employee", "IT Admin"]},
    "ip": "203.0.113.9",
    "user_agent": "curl/8.9.1",
    "request_id": REQUEST_ID,
}


def page(item: dict[str, Any]) -> dict[str, Any]:
    """Return a page that holds `item`, and is the only one."""
    return {"results": [item], "next": None, "previous": None}


# By operation: what is sent (`request`) and what comes back (`answer`).
EXAMPLES: dict[str, dict[str, Any]] = {
    "get_organization": {
        "answer": {
            "id": "7k2mq9xw4ndp",
            "name": "Acme",
            "time_zone": "Europe/Berlin",
            "domains": ["acme.example"],
            "scim_enabled": True,
            "scim_enabled_at": "2026-11-02T09:10:00.123456Z",
            "scim_base_url": "https://settings.example.com/scim/v2",
            "directory_assigns_admin": True,
            "created_at": "2026-11-02T09:00:00.000001Z",
        }
    },
    "list_members": {"answer": page(MEMBER)},
    "get_member": {"answer": MEMBER},
    "set_member_role": {"request": {"role": "IT Admin"}, "answer": MEMBER},
    "deactivate_member": {"answer": MEMBER | {"active": False, "deactivated_at": "2026-11-23T17:00:00.123456Z"}},
    "reactivate_member": {"answer": MEMBER},
    "list_roles": {"answer": page(WHOLE_ROLE)},
    "get_role": {"answer": WHOLE_ROLE},
    "list_groups": {"answer": page(GROUP)},
    "get_group": {"answer": GROUP},
    "list_group_members": {"answer": page(MEMBER)},
    "list_api_keys": {"answer": page(API_KEY)},
    "get_api_key": {"answer": API_KEY},
    "list_audit_events": {"answer": page(EVENT)},
    "get_audit_event": {"answer": EVENT},
    # The secret is all zeros and the checksum right, so that it is a key's text and nobody's key.
    "report_leaked_key": {
        "request": {
            "key": "torii_api_k3y1d2ab_00000000000000000000000000000000000000000002watS4",
            "found_at": "https://code.example/acme/scripts/blob/main/off-boarding.sh",
        },
        "answer": {"result": "deleted"},
    },
}
