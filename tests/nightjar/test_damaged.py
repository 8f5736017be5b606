"""Objects that were lost or changed since they were written: the error names the object and what to do, which helps."""

from __future__ import annotations

import pyarrow as pa
import pytest

from nightjar import schemas
from nightjar.cli import main
from nightjar.errors import NightjarError
from nightjar.lake import Lake, Partition, receipt_key
from nightjar.models import live
from nightjar.objects import ObjectMissing
from nightjar.publish import records
from nightjar.publish.steps import publish_lists
from nightjar.takedowns import ledger
from nightjar.takedowns.forgotten import Forgotten
from tests.nightjar.publish import lists

GROUPS = Partition("duplicate_groups", "2026-11-20", "m")
GARBAGE = [b"", b"\xff\x00", b"{", b"[]", b"7", b"{}", b'{"strange": 1}']


def write(lake: Lake) -> str:
    """A partition of one part; the part's key."""
    rows: pa.Table = schemas.table("duplicate_groups", [{"track_id": "a", "canonical_id": "c"}])
    return GROUPS.prefix + lake.write(GROUPS, rows).parts[0].name


def failed(lake: Lake) -> str:
    with pytest.raises(NightjarError) as caught:
        lake.read(GROUPS)
    return str(caught.value)


AGAIN = "Run the partition's task again, which is of sweep_duplicates: airflow backfill create"


def test_a_part_that_was_lost(lake):
    lake.objects.delete(write(lake))
    assert f"is missing, which its manifest names. {AGAIN}" in failed(lake)
    with pytest.raises(ObjectMissing):
        list(lake.parts(GROUPS))
    write(lake)
    assert lake.read(GROUPS).num_rows == 1


def test_a_part_that_was_changed(lake):
    key = write(lake)
    body = bytearray(lake.objects.get(key))
    body[len(body) // 2] ^= 1
    lake.objects.put(key, bytes(body))
    assert f"is not what was written (checksum). {AGAIN}" in failed(lake)
    write(lake)
    assert lake.read(GROUPS).num_rows == 1


@pytest.mark.parametrize("body", [*GARBAGE, b'{"rows": 1, "parts": [{}]}'])
def test_a_manifest(lake, body):
    write(lake)
    lake.objects.put(GROUPS.manifest_key, body)
    said = failed(lake)
    assert f"'{GROUPS.manifest_key}' in {lake.objects.bucket} is not what was written" in said
    assert "Remove it, and backfill the day: airflow backfill create" in said
    lake.remove(GROUPS)
    write(lake)
    assert lake.read(GROUPS).num_rows == 1


def test_a_receipt(lake):
    write(lake)
    lake.objects.put(receipt_key(GROUPS, 0), b"{")
    with pytest.raises(NightjarError, match=r"_staged/0000.json' in .* is not what .* Clear the mapped task of that"):
        lake.commit(GROUPS, 1)


@pytest.mark.parametrize(
    "body", [*(each for each in GARBAGE if each != b"{}"), b'{"model": 3}', b'{"model": "a b/.."}']
)
@pytest.mark.parametrize("command", ["status", "rebuild vectors"])
def test_the_live_model(settings, milvus, monkeypatch, capsys, command, body):
    monkeypatch.setenv("NIGHTJAR_MODEL", "")
    objects = Lake(settings).objects
    objects.put(live.KEY, body)
    assert main(command.split()) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"nightjar: 'models/live.json' in {settings.bucket} is not what was written")
    assert len(said.splitlines()) == 1
    objects.put(live.KEY, b'{"model": "nightjar_pair-2"}')  # as the remedy says
    assert live.read(objects).model == "nightjar_pair-2"


@pytest.fixture
def published(settings, kv) -> str:
    lists.write(settings, "2026-11-20")
    return publish_lists(settings, "2026-11-20")["version"]


@pytest.mark.parametrize("body", GARBAGE)
def test_which_lists_the_app_is_shown(settings, published, capsys, body):
    objects = Lake(settings).objects
    objects.put(records.SHOWN, body)
    assert main(["rebuild", "lists"]) == 1
    assert f"nightjar: 'lists/live.json' in {settings.bucket} is not what was written" in capsys.readouterr().err
    objects.delete(records.SHOWN)
    assert main(["rebuild", "lists", "2026-11-20"]) == 0
    assert records.shown(objects) == published


@pytest.mark.parametrize("body", GARBAGE)
def test_the_record_of_a_version(settings, published, capsys, body):
    objects = Lake(settings).objects
    before = records.read(objects, published)
    objects.put(records.where(published), body)
    assert main(["rebuild", "lists"]) == 1
    assert f"Remove it, then: nightjar rebuild lists {before.version[:10]}" in capsys.readouterr().err
    objects.delete(records.where(published))
    assert main(["rebuild", "lists", "2026-11-20"]) == 0
    assert records.read(objects, published) == before


@pytest.mark.parametrize("body", GARBAGE)
def test_what_is_forgotten(lake, body):
    ledger.remember(lake.objects, Forgotten(frozenset({"a"})))
    lake.objects.put("forgotten/known.json", body)
    with pytest.raises(NightjarError, match=r"'forgotten/known.json' in .* Put back an earlier version"):
        ledger.forgotten(lake)
