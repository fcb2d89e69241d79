"""`/docs/api`: anybody reads it, it says what the schema says, and it is as good to look at as the settings."""

import re
from typing import Any

import pytest
from django.test import Client

from api.kinds import KINDS
from tests.api.client import Script
from torii_settings.policy import PAGE_POLICY


@pytest.fixture
def page(db: None) -> str:
    response = Client().get("/docs/api")
    assert response.status_code == 200
    assert response["Content-Security-Policy"] == PAGE_POLICY
    assert "sessionid" not in response.cookies
    return response.content.decode()


def test_it_shows_every_operation_parameter_and_field_of_the_schema(page: str) -> None:
    schema = Script("").read("schema")

    for path, methods in schema["paths"].items():
        for described in methods.values():
            assert f'id="{described["operationId"]}"' in page
            assert f"<code>{path}</code>" in page
            names = [each["name"] for each in described.get("parameters", [])]
            assert [name for name in names if f"<code>{name}</code>" not in page] == []
    member = schema["components"]["schemas"]["Member"]["properties"].keys() - {"role"}
    assert [name for name in member if f"<code>{name}</code>" not in page] == []
    assert "<code>role.name</code>" in page


def test_the_type_of_every_problem_leads_to_its_row(page: str) -> None:
    assert [code for code in KINDS if f'<tr role="row" id="{code}">' not in page] == []


def test_ids_are_unique_and_links_on_the_page_lead_somewhere(page: str) -> None:
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(ids)


def test_nothing_is_loaded_from_elsewhere_and_nothing_is_inline(page: str) -> None:
    assert not re.search(r'(?:src|href)="(?:https?:)?//', page)
    assert "<style" not in page
    assert " style=" not in page
    assert not re.search(r"<script(?![^>]*\bsrc=)", page)


def test_it_is_the_same_for_a_member(page: str, ana: Any, sign_in: Any) -> None:
    shown = sign_in(ana).get("/docs/api").content.decode()
    assert "List members" in shown


def test_it_is_read_only(db: None) -> None:
    assert Client().post("/docs/api").status_code == 405
