"""The identity provider's door to members: SCIM 2.0 (RFC 7643, RFC 7644). It owns no people of its own."""
