"""Strangers' suites against a running server: Okta's own test export, and scim2-tester."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_models import ScimProvider
from scim2_tester import Status, check_server

from members.models import Member, Organization
from tests.conftest import new_key
from tests.server import web_server

SHARED = Path(__file__).resolve().parents[3] / "shared"


@pytest.fixture
def service(transactional_db: None, acme: Organization, ana: Member) -> Iterator[str]:
    """The base URL of a running server; its limits don't stand in a suite's way."""
    with web_server(KEY_RATE_LIMIT="0") as address:
        yield f"{address}/scim/v2"


@pytest.mark.skipif(not SHARED.is_dir(), reason="Okta's export is not part of the project; tests/scim has its like")
@pytest.mark.parametrize("export", ["okta-spec-2024.json", "okta-spec-discovery.json"])
def test_oktas_own_suite_finds_nothing(service: str, acme: Organization, export: str) -> None:
    runner, data = SHARED / "tools" / "okta_spec.py", SHARED / "data" / export
    command = [sys.executable, str(runner), str(data), "--base", service]
    key = new_key(acme).text
    result = subprocess.run(
        [*command, "--token", key, "--domain", "acme.example"], capture_output=True, text=True, timeout=120
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert ", 0 failed" in result.stdout


def test_scim2_tester_finds_no_error(service: str, acme: Organization) -> None:
    headers = {"Authorization": f"Bearer {new_key(acme).text}"}
    with httpx2.Client(base_url=service, headers=headers, timeout=30) as http:
        client = SyncSCIMClient(http)
        client.discover()
        user = client.get_resource_model("User")
        assert user is not None
        # A random userName is no e-mail address of the organization; what is random otherwise comes from discovery.
        user.model_fields["user_name"].examples = [f"user{number}@acme.example" for number in range(100_000)]
        user.model_rebuild(force=True)
        client.provider = ScimProvider(
            client.provider.models, client.provider.resource_types, client.provider.config, client.provider.policy
        )

        results = check_server(client)

    bad = [result for result in results if result.status in (Status.ERROR, Status.CRITICAL)]
    assert not bad, "\n".join(f"{result.title} {result.resource_type}: {result.reason}" for result in bad)
    for resource_type in ("User", "Group", "Role"):
        passed = [result for result in results if result.resource_type == resource_type]
        assert sum(result.status == Status.SUCCESS for result in passed) > 10, resource_type
