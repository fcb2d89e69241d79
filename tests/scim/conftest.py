"""A user whom Okta has created."""

from typing import Any

import pytest

from tests.identity_provider import IdentityProvider


@pytest.fixture
def bob(okta: IdentityProvider) -> dict[str, Any]:
    """A user whom Okta created, as it was answered."""
    response = okta.create(
        externalId="00u1",
        name={"givenName": "Bob", "familyName": "Builder"},
        displayName="Bob Builder",
        emails=[{"value": "bob@acme.example", "type": "work", "primary": True}],
        active=True,
    )
    assert response.status_code == 201, response.content
    return response.json()
