from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightjar.ingest.metadata import Metadata, decode, encode

_CLEAN = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zs", "Zl", "Zp"]), min_size=1, max_size=60)


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
        ("x" * 201, None, "title has 201 characters, more than 200, and was dropped"),
    ],
)
def test_a_title_is_cleaned_or_dropped_and_said_so(raw, title, problem):
    said = decode({"title": raw, "artist": "Rui"})
    assert (said.title, said.artist) == (title, "Rui")
    assert said.problems == ((problem,) if problem else ())


@pytest.mark.parametrize("raw", ["a%0Ab", "u" * 129, "%C3"])
def test_an_id_is_never_changed_only_dropped(raw):
    said = decode({"user-id": raw})
    assert said.uploader is None
    assert len(said.problems) == 1
    assert decode({"user-id": "e%CC%81 x"}).uploader == "e\u0301 x"
