"""The OpenAPI document: valid, without a warning, complete, and true of what its examples show."""

import json
from io import StringIO
from typing import Any

import jsonschema
import pytest
import yaml
from django.core.management import call_command
from drf_spectacular.validation import validate_schema

from api.kinds import KINDS
from api.problems import PROBLEM_TYPE
from api.urls import urlpatterns
from api.views.schema import document
from apikeys.secret import KeyText
from audit.models import Action
from tests.api.client import Script, assert_problem

PUBLIC = ("report_leaked_key", "get_schema")


@pytest.fixture(scope="module")
def schema() -> Any:
    return json.loads(json.dumps(document()))


def operations(schema: Any) -> list[tuple[str, str, Any]]:
    return [(method, path, each) for path, methods in schema["paths"].items() for method, each in methods.items()]


def test_it_is_valid_and_made_without_a_warning() -> None:
    call_command("spectacular", "--validate", "--fail-on-warn", stdout=StringIO(), stderr=StringIO())


@pytest.mark.parametrize(
    ("accept", "params", "media_type"),
    [
        ("*/*", {}, "application/json"),
        ("", {"format": "json"}, "application/json"),
        ("application/json", {}, "application/json"),
        ("application/vnd.oai.openapi+json", {}, "application/vnd.oai.openapi+json"),
        ("application/yaml", {}, "application/yaml"),
        ("application/vnd.oai.openapi", {}, "application/vnd.oai.openapi"),
        ("*/*", {"format": "yaml"}, "application/yaml"),
        ("application/json", {"format": "yaml"}, "application/yaml"),
        ("text/html,*/*;q=0.1", {}, "application/json"),
    ],
)
def test_it_is_json_unless_yaml_is_asked_for(accept: str, params: Any, media_type: str, schema: Any) -> None:
    headers = {"Accept": accept} if accept else {}
    response = Script("").call("GET", "schema", headers=headers, **params)

    assert response.status_code == 200
    assert response["Content-Type"] == media_type
    assert response["Cache-Control"] == "public, max-age=300"
    assert response["Content-Length"] == str(len(response.content))
    read = yaml.load(response.content, Loader=yaml.CSafeLoader)
    assert read == schema
    assert read["openapi"].startswith("3.1.")
    validate_schema(read)


def test_it_comes_in_no_other_form() -> None:
    assert_problem(Script("").call("GET", "schema", headers={"Accept": "text/html"}), 406, "not_acceptable")
    assert_problem(Script("").get("schema", format="xml"), 400, "invalid_parameter")


def test_every_address_is_in_it(schema: Any) -> None:
    addresses = {f"/v1.0/{pattern.pattern}".replace("<str:", "{").replace(">", "}") for pattern in urlpatterns[:-1]}
    assert schema["paths"].keys() == addresses


def test_every_operation_says_what_it_is(schema: Any) -> None:
    names = [each["operationId"] for _, _, each in operations(schema)]
    tags = {tag["name"] for tag in schema["tags"]}
    assert len(names) == len(set(names)) == 17
    for method, path, each in operations(schema):
        assert each["summary"], path
        assert each["description"].endswith("."), path
        assert set(each["tags"]) <= tags
        assert each["operationId"].islower()
        assert all(parameter["description"] for parameter in each.get("parameters", []))
        assert ({} in each["security"]) == (each["operationId"] in PUBLIC), (method, path)
        example = each["responses"]["200"]["content"]["application/json"].get("examples")
        assert example or each["operationId"] == "get_schema"


def test_every_parameter_has_limits(schema: Any) -> None:
    for _, path, each in operations(schema):
        for parameter in each.get("parameters", []):
            limits = parameter["schema"].keys() & {"maxLength", "maximum", "enum", "format", "pattern", "maxItems"}
            assert limits or parameter["schema"]["type"] == "boolean", (path, parameter["name"])


def test_every_problem_is_a_problem_and_says_how_to_come_in_or_when_to_try_again(schema: Any) -> None:
    for _, path, each in operations(schema):
        for status, response in each["responses"].items():
            if status == "200":
                continue
            assert list(response["content"]) == [PROBLEM_TYPE]
            assert ("WWW-Authenticate" in response.get("headers", {})) == (status == "401"), path
            assert ("Retry-After" in response.get("headers", {})) == (status in ("429", "503")), path
            for example in response["content"][PROBLEM_TYPE]["examples"].values():
                assert str(example["value"]["status"]) == status
                assert f"`{example['value']['code']}`" in response["description"]


def test_codes_and_events_are_enumerated(schema: Any) -> None:
    schemas = schema["components"]["schemas"]
    assert schemas["Problem"]["properties"]["code"]["enum"] == list(KINDS)
    assert schemas["AuditEvent"]["properties"]["event"]["enum"] == Action.values


def test_every_code_but_that_of_another_method_is_told_where_it_occurs(schema: Any) -> None:
    told = {
        example["value"]["code"]
        for _, _, each in operations(schema)
        for response in each["responses"].values()
        for example in response["content"].get(PROBLEM_TYPE, {}).get("examples", {}).values()
    }
    assert told == KINDS.keys() - {"method_not_allowed"}


def test_every_example_is_what_the_schema_says(schema: Any) -> None:
    checked = 0
    for _, _, each in operations(schema):
        for content in [response["content"] for response in each["responses"].values()] + [
            each.get("requestBody", {}).get("content", {})
        ]:
            for body in content.values():
                validator = jsonschema.Draft202012Validator(
                    body["schema"] | {"components": schema["components"]}, format_checker=jsonschema.FormatChecker()
                )
                for example in body.get("examples", {}).values():
                    validator.validate(example["value"])
                    checked += 1
    assert checked > 100


def test_the_example_of_a_leaked_key_has_a_keys_shape(schema: Any) -> None:
    content = schema["paths"]["/v1.0/leaked-keys"]["post"]["requestBody"]["content"]["application/json"]
    (example,) = content["examples"].values()
    assert KeyText.parse(example["value"]["key"]) is not None


def test_nothing_of_ours_is_in_it(schema: Any) -> None:
    text = json.dumps(schema)
    assert "x-spec" not in text
    assert "readOnly" not in text
    assert "userType" not in text
