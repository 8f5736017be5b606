"""Text from outside on its way to a log and a terminal."""

from __future__ import annotations

import logging

import pytest

from nightjar.errors import NightjarError
from nightjar.legible import make_logs_legible, one_line

KEY = "uploads/a\nnightjar: all is well\x1b[2J\u202e3pm.exe\u2028"
SAID = r"uploads/a\nnightjar: all is well\x1b[2J\u202e3pm.exe\u2028"


@pytest.mark.parametrize("text", ["plain", "naïve 歌 🎵", "می\u200cروم", "👩\u200d🎤", r"a\nb"])
def test_what_can_be_read_stays(text):
    assert one_line(text) == text


def test_hidden_characters_are_shown_as_escapes():
    assert one_line(KEY) == SAID
    assert one_line("\ud800\x9b\u2066\u200b") == r"\ud800\x9b\u2066\u200b"
    assert one_line("a\nb\x1b", but="\n") == "a\nb\\x1b"


def test_a_line_of_our_logs_stays_one_line_whichever_handler_writes_it(caplog):
    make_logs_legible()  # once more changes nothing
    with caplog.at_level(logging.INFO):
        logging.getLogger("nightjar.ingest.songs").info("%s: rejected, %d", KEY, 3)
        logging.getLogger("another").info("%s", "a\nb")
    assert caplog.messages == [f"{SAID}: rejected, 3", "a\nb"]


def test_an_error_about_a_key_cannot_steer_a_terminal():
    assert str(NightjarError(f"no {KEY[9:]}", "Rename\x07 it")).count("\x1b") == 0
    assert str(NightjarError("one\ntwo", "\u202ethree")) == "one\ntwo. \\u202ethree"


def test_a_record_without_a_name_is_made_as_airflow_makes_them():
    """Its formatter copies every record by way of an empty one: an error there loses the line of the log."""
    make_logs_legible()
    assert logging.makeLogRecord({"msg": "said", "name": "boto3"}).getMessage() == "said"
