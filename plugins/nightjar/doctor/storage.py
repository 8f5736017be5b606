"""Object storage: that it answers, that everything may be done that a night does, and that its clock is ours."""

from __future__ import annotations

import secrets
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.client import HTTPException

from nightjar.doctor.examine import Finding, fail, ok, warn
from nightjar.errors import NightjarError
from nightjar.objects import ObjectChanged, ObjectMissing, Objects, StoreFailed
from nightjar.settings import Settings

NAME, CLOCK = "object storage", "clock"

_SCRATCH = "doctor/"
"""Where a key is written and removed again. Nothing else reads or writes below it."""
_TIMEOUT_S = 5
_AWS = "https://s3.amazonaws.com/"
MAX_SKEW_S = 60.0
"""Beyond it days are cut at the wrong moment, which is worth mending."""
REFUSED_SKEW_S = 600.0
"""S3 refuses what is signed more than 15 minutes off."""


def look(settings: Settings) -> Iterator[Finding]:
    """Reaches the bucket, and writes, reads, conditionally writes and removes a scratch object."""
    objects = Objects(settings, hurried=True)
    where = settings.s3_endpoint or "AWS S3"
    try:
        next(objects.list(_SCRATCH), None)
    except ObjectMissing:  # of a list, which any store has
        yield fail(NAME, f"{where} is no object storage: it answers a list with 404", "See NIGHTJAR_S3_ENDPOINT")
        return
    yield ok(NAME, f"{where} answers, the bucket {settings.bucket!r} is there and can be listed")
    key = _scratch()
    try:
        objects.put(key, b"doctor")
        if (came := objects.get(key)) != b"doctor":
            yield fail(NAME, f"of 6 bytes that were written {len(came)} come back", "Do not use this store")
            return
        yield ok(NAME, "an object can be written and read back")
        yield from _conditions(objects, key)
    finally:
        objects.delete(key)
    if objects.exists(key):
        yield fail(NAME, "an object that was removed is still there", "Allow s3:DeleteObject; turn off object lock")
    if settings.milvus_bucket:
        yield _milvus_bucket(settings)


def _milvus_bucket(settings: Settings) -> Finding:
    """Whether files for imports can be put into it, and taken away again."""
    objects, key = Objects(replace(settings, bucket=settings.milvus_bucket), hurried=True), _scratch()
    name = f"NIGHTJAR_MILVUS_BUCKET={settings.milvus_bucket}"
    try:
        next(objects.list(_SCRATCH), None)  # first, since SeaweedFS makes the bucket of a put that has none
        objects.put(key, b"doctor")
        objects.delete(key)
    except StoreFailed as error:
        remedy = "Name the bucket in which the Milvus server keeps its files, and let the AWS_* credentials write there"
        return fail(NAME, f"{name}: {error.message}", f"{remedy}; or unset it, and vectors are upserted")
    return ok(NAME, f"{name} can be written")


def _scratch() -> str:
    return f"{_SCRATCH}{secrets.token_hex(8)}"


def _conditions(objects: Objects, key: str) -> Iterator[Finding]:
    """Commits rest on conditional puts: a store that ignores the condition lets two writers both win."""
    for expect, what in (("", "If-None-Match"), ("0" * 32, "If-Match")):
        try:
            objects.put(key, b"doctor", expect=expect)
        except ObjectChanged:
            continue
        yield fail(
            NAME,
            f"a conditional put ({what}) overwrote what it must not",
            "Use a store that honours conditional puts: S3, SeaweedFS 4, MinIO; partitions are committed by them",
        )
        return
    yield ok(NAME, "conditional puts are honoured")


def look_at_clock(settings: Settings, now: datetime | None = None) -> Iterator[Finding]:
    """Compares this machine's clock, or `now`, with the store's. Credentials do not matter for it."""
    request = urllib.request.Request(settings.s3_endpoint or _AWS, method="HEAD")
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:
            said = answer.headers["Date"]
    except urllib.error.HTTPError as error:
        said = error.headers["Date"]  # a refusal tells the time as well
    except HTTPException as error:  # which says what came, byte for byte
        raise NightjarError(f"{settings.s3_endpoint} does not answer as a web server", "See object storage") from error
    except (OSError, ValueError) as error:
        raise NightjarError(f"object storage does not tell the time: {error}", "See object storage") from error
    if not said:
        yield warn(CLOCK, "object storage tells no time", "Compare by hand: date --utc")
        return
    off = ((now or datetime.now(UTC)) - parsedate_to_datetime(said)).total_seconds()
    text = f"{abs(off):.0f} s {'ahead of' if off > 0 else 'behind'} object storage"
    if abs(off) > REFUSED_SKEW_S:
        yield fail(CLOCK, text, "Set the clock by NTP: signed requests are refused, and days are cut wrongly")
    elif abs(off) > MAX_SKEW_S:
        yield warn(CLOCK, text, "Set the clock by NTP: days are cut at the wrong moment")
    else:
        yield ok(CLOCK, "as object storage's, within a minute")
