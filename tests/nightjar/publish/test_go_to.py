"""Going back to the version before, and to any that the store still holds, in a real Valkey."""

from __future__ import annotations

import threading

import pytest

from nightjar.cli import main
from nightjar.errors import NightjarError
from nightjar.publish.reader import Reader
from nightjar.publish.rollback import go_to
from nightjar.publish.steps import publish_lists
from tests.nightjar.publish import lists
from tests.nightjar.publish.lists import list_key, new_users_key

DAYS = ["2026-11-20", "2026-11-21", "2026-11-22"]


@pytest.fixture
def published(settings, kv) -> list[str]:
    """The versions of the first two days."""
    made = []
    for day in DAYS[:2]:
        lists.write(settings, day)
        made.append(publish_lists(settings, day)["version"])
    return made


def test_back_and_forth_and_the_next_night(settings, kv, published):
    before, live = published
    keys = set(kv.scan_iter("nightjar:*"))
    found = go_to(settings)
    assert found == {"version": before, "lists": lists.USERS, "current": before, "moved": True, "was": live}
    assert go_to(settings, before)["moved"] is False
    assert go_to(settings, live)["was"] == before
    assert set(kv.scan_iter("nightjar:*")) == keys
    assert go_to(settings)["current"] == before
    lists.write(settings, DAYS[2])
    after = publish_lists(settings, DAYS[2])["version"]
    assert go_to(settings)["current"] == before  # and not the one that was turned away
    assert go_to(settings, after)["current"] == after
    with pytest.raises(
        NightjarError, match=f"there is no version '{live}' in the store.*{after}, which is live, and for --to {before}"
    ):
        go_to(settings, live)


def test_what_cannot_be_gone_to(settings, kv):
    with pytest.raises(NightjarError, match="nothing was ever published"):
        go_to(settings)
    lists.write(settings, DAYS[0])
    first = publish_lists(settings, DAYS[0])["version"]
    with pytest.raises(
        NightjarError, match=f"no version was live before {first}. It holds {first}, which is live and no other"
    ):
        go_to(settings)
    lists.write(settings, DAYS[1])
    second = publish_lists(settings, DAYS[1])["version"]
    kv.delete(list_key(first, "u017"))
    with pytest.raises(
        NightjarError, match=f"the version before {second} is not in the store any more, which keeps two.*and no other"
    ):
        go_to(settings)
    kv.delete(new_users_key(first))
    with pytest.raises(NightjarError, match=f"there is no version '{first}'"):
        go_to(settings, first)
    assert go_to(settings, second)["moved"] is False


def test_a_publish_that_comes_between_is_not_undone(settings, kv, published, monkeypatch):
    lists.write(settings, DAYS[2])
    lists.overtake_next_move(settings, DAYS[2], monkeypatch)
    with pytest.raises(NightjarError, match=f"the pointer moved from {published[1]} to {DAYS[2]}"):
        go_to(settings)


def test_a_reader_sees_whole_lists_all_the_while(settings, published):
    reader, stopped, wrong, seen = Reader(settings.kv_url), threading.Event(), [], set()

    def read() -> None:
        while not stopped.is_set():
            version, entries = reader.recommend_with_version("u003")
            seen.add(version)
            if {each.track_id.rpartition("_")[0] for each in entries} != {f"{version.partition('.')[0]}_a_u003"}:
                wrong.append((version, entries))

    watching = threading.Thread(target=read)
    watching.start()
    try:
        for turn in range(5000):
            go_to(settings)
            go_to(settings, published[1])
            if turn >= 50 and seen == set(published):
                break
    finally:
        stopped.set()
        watching.join()
        reader.close()
    assert wrong == []
    assert seen == set(published)


def test_the_command(settings, published, capsys, monkeypatch):
    for name, value in settings.environment().items():
        monkeypatch.setenv(name, value)
    before, live = published
    assert main(["publish", "--rollback"]) == 0
    said = capsys.readouterr().out
    assert f"The app reads {before} now." in said
    assert f"nightjar publish --to {live}" in said
    assert main(["publish", "--to", live]) == 0
    assert main(["publish", "--to", "2026-01-01.abc"]) == 1
    assert "there is no version '2026-01-01.abc' in the store" in capsys.readouterr().err
    assert main(["publish", "--to", ""]) == 1  # a script's variable that is not set
    assert "there is no version '' in the store" in capsys.readouterr().err
    assert main(["publish", DAYS[0]]) == 1
    assert f"the app goes on reading {live}, which is newer than {DAYS[0]}" in capsys.readouterr().err
    for wrong in (["publish"], ["publish", DAYS[0], "--rollback"], ["publish", "--rollback", "--accept"]):
        with pytest.raises(SystemExit) as ended:
            main(wrong)
        assert ended.value.code == 2
