"""The text of a key: its shape, its checksum, and what is stored of it."""

import re
import zlib

from hypothesis import given, strategies as st

from apikeys.secret import BASE62, KeyText, base62, checksum


def test_a_key_has_the_documented_shape():
    for kind in ("scim", "api"):
        key = KeyText.generate(kind)
        assert re.fullmatch(rf"torii_{kind}_[0-9a-z]{{8}}_[0-9A-Za-z]{{49}}", key.text)
        assert KeyText.parse(key.text) == key


def test_no_two_keys_are_alike():
    keys = {KeyText.generate("scim").text for _ in range(1000)}
    assert len(keys) == 1000


def test_the_checksum_is_a_crc32_in_base_62():
    assert checksum("torii") == base62(zlib.crc32(b"torii"), 6)
    assert base62(0, 6) == "000000"
    assert base62(61, 2) == "0z"
    assert base62(62, 2) == "10"
    assert base62(2**256 - 1, 43)[0] != "0"


@given(position=st.integers(0, 68), letter=st.sampled_from(BASE62 + "_ é"))
def test_one_wrong_letter_is_noticed_without_the_database(position: int, letter: str):
    text = KeyText.generate("scim").text
    changed = text[:position] + letter + text[position + 1 :]
    assert (KeyText.parse(changed) is None) == (changed != text)


@given(st.text(max_size=100))
def test_any_other_text_is_no_key(text: str):
    assert KeyText.parse(text) is None


def test_the_digest_depends_on_the_pepper_and_hides_the_text():
    key = KeyText.generate("api")
    one, two = key.digests(["first", "second"])
    assert one != two
    assert len(one) == 64
    assert key.text not in repr(key)
    assert key.text[11:] not in one + two
