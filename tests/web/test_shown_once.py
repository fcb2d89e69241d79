"""The text of a key is in the answer that made it, and nowhere else."""

import re
import uuid

import pytest
from django.contrib.sessions.models import Session

from apikeys.models import ApiKey
from apikeys.views import new_key as new_key_view
from audit.models import Action, Event
from tests.conftest import ACME, SETUP, new_key
from tests.web.conftest import asked, text_of

LIST = f"{ACME}/api-access"
NEW = f"{ACME}/api-access/keys/new"
KEY = re.compile(r"torii_(?:scim|api)_[0-9a-z]{8}_[0-9A-Za-z]{49}")


def test_the_key_is_shown_in_an_answer_that_nothing_may_keep(ana_browser):
    answer = ana_browser.post(NEW, asked())
    assert "no-store" in answer["Cache-Control"]
    assert len(set(KEY.findall(answer.content.decode()))) == 1
    assert "This is the only time the key is shown." in text_of(answer)


def test_the_key_that_is_shown_is_the_key_that_works(acme, ana_browser, client):
    shown = KEY.search(ana_browser.post(NEW, asked()).content.decode())
    assert shown
    answer = client.get("/scim/v2/Users", headers={"Authorization": f"Bearer {shown[0]}"})
    assert answer.status_code == 200


def test_no_later_page_has_the_key(acme, ana_browser):
    shown = KEY.search(ana_browser.post(NEW, asked()).content.decode())
    assert shown
    secret = shown[0].rpartition("_")[2]
    page = f"{LIST}/keys/{acme.api_keys.get().key_id}"
    for path in (
        LIST,
        NEW,
        page,
        f"{page}/rotation",
        f"{page}/deletion",
        f"{ACME}/security",
        f"{ACME}/security/scim/deactivation",
        f"{ACME}/members",
    ):
        assert secret not in ana_browser.get(path).content.decode(), path
    assert secret not in str([session.get_decoded() for session in Session.objects.all()])
    assert secret not in str(list(ApiKey.objects.values())) + str(list(Event.objects.values()))


def test_got_it_leads_back_to_the_list_without_javascript_too(ana_browser):
    page = ana_browser.post(NEW, asked()).content.decode()
    assert f'method="get" action="{LIST}" data-got-it' in page
    assert '<input type="checkbox" required> I have stored it' in page


def test_a_form_sent_again_makes_no_second_key(acme, ana_browser):
    form = asked()
    first = ana_browser.post(NEW, form)
    again = ana_browser.post(NEW, form)
    assert again.status_code == 409
    assert "This key was generated before" in text_of(again)
    assert acme.api_keys.get().hint in text_of(again)
    shown = KEY.search(first.content.decode())
    assert shown
    assert shown[0] not in again.content.decode()
    assert Event.objects.filter(action=Action.API_KEY_GENERATED).count() == 1


def test_a_form_sent_twice_at_once_makes_one_key(acme, ana_browser, monkeypatch):
    """Both have looked before either has made a key: the constraint decides."""
    form = asked()
    ana_browser.post(NEW, form)
    answers = iter([None, acme.api_keys.get()])
    monkeypatch.setattr(new_key_view, "made_by", lambda form: next(answers))
    again = ana_browser.post(NEW, form)
    assert again.status_code == 409
    assert acme.api_keys.count() == 1


def test_a_form_whose_key_is_deleted_makes_no_other(acme, ana_browser):
    form = asked()
    ana_browser.post(NEW, form)
    acme.api_keys.get().delete_key(by=SETUP)
    assert ana_browser.post(NEW, form).status_code == 409
    assert acme.api_keys.existing().count() == 0


def test_another_organization_may_send_the_same_token(acme, ana_browser, globex, eve, sign_in):
    form = asked(form_token=uuid.uuid4())
    new_key(globex, form_token=form["form_token"])
    assert ana_browser.post(NEW, form).status_code == 200
    assert acme.api_keys.count() == 1


def test_each_form_has_a_token_of_its_own(ana_browser):
    tokens = {
        re.findall(r'name="form_token" value="([^"]+)"', ana_browser.get(NEW).content.decode())[0] for _ in range(2)
    }
    assert len(tokens) == 2


@pytest.mark.parametrize("kind", ["scim", "api_read"])
def test_the_page_for_browsers_without_javascript_holds_the_whole_key(ana_browser, kind):
    page = ana_browser.post(NEW, asked(kind=kind)).content.decode()
    assert re.search(rf'<code class="value" id="secret"[^>]*>{KEY.pattern}</code>', page)
