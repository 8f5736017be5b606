from __future__ import annotations

from encodings.aliases import aliases

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightjar.ingest.metadata import Metadata, decode, encode

_CLEAN = st.text(st.characters(exclude_categories=["Cc", "Cf", "Cs", "Zs", "Zl", "Zp"]), min_size=1, max_size=60)


@given(_CLEAN)
def test_any_text_survives_the_way_through_ascii(text):
    import unicodedata

    stored = encode({"user-id": text, "title": text})
    assert all(value.isascii() and value.isprintable() for value in stored.values())
    said = decode(stored)
    assert (said.uploader, said.title, said.problems) == (text, unicodedata.normalize("NFC", text), ())


def test_all_fields_are_optional():
    assert decode({}) == Metadata()
    assert decode({"title": "", "other": "x"}) == Metadata()


@pytest.mark.parametrize(
    ("raw", "title", "problem"),
    [
        ("Plain ASCII", "Plain ASCII", ""),
        ("100% love", "100% love", ""),
        ("  much   space ", "much space", ""),
        ("%E6%AD%8C", "歌", ""),
        ("e%CC%81t%C3%A9", "été", ""),
        ("%E6%AD", None, "title is not percent-encoded UTF-8 and was dropped"),
        ("%FF%FE", None, "title is not percent-encoded UTF-8 and was dropped"),
        ("a%00b%1B[31mc%0A", "a b [31mc", "title had control characters, which were removed"),
        ("=?UTF-8?B?w4lsw6lvbm9yZQ==?=", "Éléonore", ""),
        ("=?utf-8?q?Bj=C3=B6rk_?= live =?iso-8859-1?Q?=E0?= =?iso-8859-1?Q?_Paris?=", "Björk live à Paris", ""),
        ("=?UTF-8?Q?100%25?=", "100%25", ""),
        ("=?UTF-8?Q?=FF?=", None, "title is not percent-encoded UTF-8 and was dropped"),
        ("=?no-such-charset?Q?x?=", None, "title is not percent-encoded UTF-8 and was dropped"),
        ("=?UTF-8?B?w?=", None, "title is not percent-encoded UTF-8 and was dropped"),
        ("a =? question ?=", "a =? question ?=", ""),
        ("%3D%3FUTF-8%3FQ%3Fx%3F%3D", "=?UTF-8?Q?x?=", ""),
        ("\u00c3\u0089t\u00c3\u00a9", "Été", ""),
        ("\u00c9t\u00e9", "Été", ""),
        ("%E2%80%AEexe.3pm%E2%80%AC", "exe.3pm", "title had control characters, which were removed"),
        ("%D9%85%DB%8C%E2%80%8C%D8%B1%D9%88%D9%85", "می\u200cروم", ""),
        ("%E2%80%8B%EF%BB%BF", None, "title had control characters, which were removed"),
        ("x" * 201, None, "title has 201 characters, more than 200, and was dropped"),
    ],
)
def test_a_title_is_cleaned_or_dropped_and_said_so(raw, title, problem):
    said = decode({"title": raw, "artist": "Rui"})
    assert (said.title, said.artist) == (title, "Rui")
    assert said.problems == ((problem,) if problem else ())


@pytest.mark.parametrize("charset", [*sorted({*aliases.values()}), "undefined", "idna", "unicode_escape", "ütf"])
def test_no_charset_and_no_bytes_of_an_encoded_word_cost_more_than_the_field(charset):
    for word in ("?b?sbI=?=", "?b?jrE=?=", "?q?99999999?=", "?q?xn--=FF?=", "?q?+2AA-?=", "?q?=5Cud800?=", "?b?QQ?="):
        said = decode({"user-id": f"=?{charset}{word}", "title": f"=?{charset}{word}", "artist": "Rui"})
        assert said.artist == "Rui"
        assert "".join(filter(None, (said.uploader, said.title))).encode() or said.problems


def test_half_width_kana_of_old_charsets_are_read():
    assert decode({"title": "=?Shift_JIS?B?sbI=?=", "artist": "=?EUC-JP?B?jrE=?="}) == Metadata(None, "ｱｲ", "ｱ")


@pytest.mark.parametrize("raw", ["u1%20", "%20u1", "u1%00%00", "=?utf-8?q?u1_?="])
def test_padding_around_an_id_is_no_part_of_it_as_in_exports(raw):
    assert decode({"user-id": raw}) == Metadata("u1")


@pytest.mark.parametrize("raw", ["a%0Ab", "u" * 129, "%C3"])
def test_an_id_is_never_changed_only_dropped(raw):
    said = decode({"user-id": raw})
    assert said.uploader is None
    assert len(said.problems) == 1
    assert decode({"user-id": "e%CC%81 x"}).uploader == "e\u0301 x"


def test_an_id_in_an_encoded_word_is_the_one_of_listens_and_takedowns():
    assert decode({"user-id": "=?UTF-8?Q?Jos=C3=A9?="}).uploader == decode({"user-id": "Jos%C3%A9"}).uploader == "José"
