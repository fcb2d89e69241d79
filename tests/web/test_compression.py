"""Pages are compressed, but never one that shows a key; what machines get goes out as it is."""

import gzip

import pytest
from django.test import Client

from tests.conftest import ACME, new_key
from tests.web.conftest import asked
from tests.web.test_shown_once import KEY

GZIP = {"Accept-Encoding": "gzip, deflate, br"}


@pytest.mark.parametrize("path", [f"{ACME}/security", f"{ACME}/members", "/docs/api", "/accounts/login/code/"])
def test_a_page_is_compressed_for_a_browser_that_takes_that(ana_browser: Client, path: str):
    answer = ana_browser.get(path, headers=GZIP, follow=True)
    assert answer["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in answer["Vary"]
    page = gzip.decompress(answer.content)
    assert b"</html>" in page
    assert len(answer.content) < len(page) / 2
    assert "Content-Encoding" not in ana_browser.get(path, follow=True)


def test_the_length_of_a_page_is_padded_by_chance(ana_browser: Client):
    assert len({len(ana_browser.get("/docs/api", headers=GZIP).content) for _ in range(12)}) > 1


def test_the_page_that_shows_a_key_is_never_compressed(acme, ana_browser: Client):
    generated = ana_browser.post(f"{ACME}/api-access/keys/new", asked(), headers=GZIP)
    key = acme.api_keys.get()
    rotated = ana_browser.post(f"{ACME}/api-access/keys/{key.key_id}/rotation", asked(), headers=GZIP)
    for answer in (generated, rotated):
        assert "Content-Encoding" not in answer
        assert KEY.search(answer.content.decode())


@pytest.mark.parametrize("path", ["/scim/v2/Users", "/v1.0/scim/v2/Users", "/v1.0/schema", "/healthz"])
def test_what_machines_get_goes_out_as_it_is(acme, client: Client, path: str):
    key = new_key(acme, "scim").text
    answer = client.get(path, headers=GZIP | {"Authorization": f"Bearer {key}"})
    assert answer.status_code == 200
    assert "Content-Encoding" not in answer
