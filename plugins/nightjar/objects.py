"""Object storage behind a few calls, the only module that imports boto3. Works on S3 and what speaks its protocol."""

from __future__ import annotations

import io
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache, partial
from pathlib import Path
from typing import TypeVar

import boto3
import boto3.exceptions
import botocore.loaders
import botocore.session
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, IncompleteReadError
from botocore.exceptions import ConnectionError as NoConnection

from nightjar.errors import NightjarError
from nightjar.remote import Remote
from nightjar.settings import Settings

_MISSING = {"404", "NoSuchKey", "NotFound"}
_CONFLICT = {"409", "412", "PreconditionFailed", "ConditionalRequestConflict"}
_REFUSED = {"AccessDenied", "AllAccessDisabled", "InvalidObjectState", "InvalidArgument", "InvalidRequest"}
"""How an object is not handed out that is there: no right to it, archived, or encrypted with a key that is not ours."""
_UNSAID = {"400", "403"}
"""All that a head says of why it fails: the object, or credentials that have expired meanwhile. A get says it."""

CONTRADICTED = "the store says that it is there, and finds nothing when it is asked for it"
"""A head answers and a get does not."""

_FAILURES = (ClientError, BotoCoreError, boto3.exceptions.Boto3Error)
"""What boto3 raises. Its own errors, of whole files, are no BotoCoreError."""
_CUT_OFF = (HTTPClientError, IncompleteReadError)
"""How the body of an answer fails while it is read, after boto3's retries have ended: reset, late, or too short."""
_BODY_RETRY_S = (0.2, 1.0, 3.0, 8.0)
"""Pauses before an object is asked for again whose body was cut off."""

_Read = TypeVar("_Read")

_WORTH_SEEKING = 2**20
"""A smaller object is fetched whole: that is one request instead of several."""

_DEFINITIONS = botocore.loaders.create_loader()  # one cache of S3's definition, which takes 100 ms to read, for all
_ONE_AT_A_TIME = threading.Lock()


@lru_cache(maxsize=4)
def _client(process: int, environment: frozenset[tuple[str, str]], endpoint: str, hurried: bool):
    """boto3's client, which threads may share. Making one costs 60 ms, and a step opens the lake in many places.

    It has the credentials and proxies of the environment that it was made in, and connections of its process.
    """
    session = botocore.session.get_session()
    session.register_component("data_loader", _DEFINITIONS)
    settings = Config(
        retries={"mode": "standard", "max_attempts": 1 if hurried else 5},
        connect_timeout=5,
        read_timeout=10 if hurried else 60,
        max_pool_connections=16,
        s3={"addressing_style": "path"} if endpoint else None,
    )
    return boto3.session.Session(botocore_session=session).client(
        "s3", endpoint_url=endpoint or None, region_name="us-east-1" if endpoint else None, config=settings
    )


class ObjectMissing(NightjarError):
    """There is no object under that key."""


class StoreFailed(NightjarError):
    """Object storage does not answer, or refuses: it is not about one object. `said` are its own words."""

    def __init__(self, message: str, remedy: str = "", said: str = "") -> None:
        self.said = said
        super().__init__(message, remedy)


class ObjectRefused(StoreFailed):
    """The store does not hand out this object, perhaps it alone. See `nightjar.refusals`."""


class ObjectChanged(NightjarError):
    """A conditional put found another object than it expected: somebody else wrote first.

    `sent_again` says that boto3 had put it more than once, so that the other object may be our own.
    """

    def __init__(self, key: str, sent_again: bool = False) -> None:
        self.sent_again = sent_again
        super().__init__(f"{key!r} was written by somebody else meanwhile", "Run the task again")


@dataclass(frozen=True)
class ObjectInfo:
    """What a listing or a head says of an object. `metadata` is only known from a head."""

    key: str
    size: int
    etag: str
    modified: datetime
    metadata: dict[str, str]


class Objects:
    """One bucket. Safe to share between threads. Time-outs and 5xx are retried by boto3, bodies that are cut off here;
    what is left is raised."""

    def __init__(self, settings: Settings, hurried: bool = False) -> None:
        """`hurried` fails in seconds where nothing answers, for whoever asks whether the store is well."""
        self.bucket = settings.bucket
        self._endpoint = settings.s3_endpoint
        self._pauses = () if hurried else _BODY_RETRY_S
        self._hurried = hurried
        self._lock = threading.Lock()
        self._made = None

    @property
    def _client(self):
        with self._lock:  # made on first use: it needs credentials
            if self._made is None:
                with _ONE_AT_A_TIME:
                    self._made = _client(os.getpid(), frozenset(os.environ.items()), self._endpoint, self._hurried)
            return self._made

    def get(self, key: str) -> bytes:
        """The object's bytes. Raises ObjectMissing."""
        return self._read(key)

    def parsed(self, key: str, parse: Callable[[bytes], _Read], remedy: str) -> _Read:
        """What `parse` makes of the object's bytes. Raises ObjectMissing, and NightjarError with the remedy for bytes
        that it cannot read."""
        body = self.get(key)
        try:
            return parse(body)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise NightjarError(f"{key!r} in {self.bucket} is not what was written: {error!r}", remedy) from error

    def open(self, key: str, size: int) -> io.RawIOBase:
        """An object of known size as a file, of which only what is asked for is fetched. Raises ObjectMissing."""
        return Remote(partial(self.part_of, key), size) if size > _WORTH_SEEKING else io.BytesIO(self.get(key))

    def part_of(self, key: str, start: int, stop: int) -> bytes:
        """Bytes `start` to `stop`, excluded, of an object. Raises ObjectMissing."""
        return self._read(key, Range=f"bytes={start}-{stop - 1}")

    def head(self, key: str) -> ObjectInfo:
        """What is known of the object without reading it. Raises ObjectMissing."""
        seen = self._call("head_object", key, Key=key)
        return ObjectInfo(
            key, seen["ContentLength"], seen["ETag"].strip('"'), seen["LastModified"], seen.get("Metadata", {})
        )

    def exists(self, key: str) -> bool:
        with suppress(ObjectMissing):
            return bool(self.head(key))
        return False

    def put(self, key: str, body: bytes, *, metadata: dict[str, str] | None = None, expect: str | None = None) -> str:
        """Write an object whole; returns its etag.

        `expect` makes it conditional: "" where there must be none yet, else the etag that must still be there. Raises
        ObjectChanged if that does not hold. Where boto3 has sent it again, since the first answer was lost, the store
        may refuse what it has taken already: then it is written if what is there is what was put.
        """
        condition = {} if expect is None else {"IfMatch": expect} if expect else {"IfNoneMatch": "*"}
        try:
            made = self._call("put_object", key, Key=key, Body=body, Metadata=metadata or {}, **condition)
        except ObjectChanged as changed:
            if not changed.sent_again:
                raise
            there = self._there(key, body, metadata or {})
            if there is None:
                raise
            return there
        return made["ETag"].strip('"')

    def update(self, key: str, change: Callable[[bytes | None], bytes]) -> bytes:
        """Replace an object by what `change` makes of its bytes (None where there is none), and return that: nothing
        that others write meanwhile is lost. `change` is called again where somebody did. Nothing is put if it changes
        nothing."""
        while True:
            try:
                etag = self.head(key).etag  # first: bytes that are newer than it make the put fail, and are read again
                before = self.get(key)
            except ObjectMissing:
                before, etag = None, ""
            after = change(before)
            if after == before:
                return after
            with suppress(ObjectChanged):
                self.put(key, after, expect=etag)
                return after

    def upload(self, key: str, path: Path) -> None:
        """Write a file of any size, by parts."""
        try:
            self._client.upload_file(str(path), self.bucket, key, Config=TransferConfig(max_concurrency=4))
        except _FAILURES as error:
            raise self._explained(error, key) from error

    def download(self, key: str, path: Path) -> None:
        """Read an object of any size into a file. Raises ObjectMissing where a head says too that it is gone, and
        ObjectRefused where the store goes on to contradict itself: one of its parts may be behind, or lost."""
        for pause in (*self._pauses, None):
            try:
                self._client.download_file(self.bucket, key, str(path), Config=TransferConfig(max_concurrency=4))
                return
            except _FAILURES as error:
                if not isinstance(explained := self._explained(error, key), ObjectMissing):
                    raise explained from error
            self.head(key)
            time.sleep(pause or 0)
        raise ObjectRefused(f"{key!r} in {self.bucket}: {CONTRADICTED}", "Look for lost parts of it", CONTRADICTED)

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Objects under `prefix`, by key, each once: some gateways begin a page with the last key of the one before."""
        last = None
        for seen in (each for page in self._pages(prefix) for each in page.get("Contents", [])):
            if seen["Key"] != last:
                last = seen["Key"]
                yield ObjectInfo(last, seen["Size"], seen["ETag"].strip('"'), seen["LastModified"], {})

    def folders(self, prefix: str) -> list[str]:
        """The names right under `prefix` (which ends in a slash), as far as they have something below them."""
        pages = self._pages(prefix, Delimiter="/")
        return sorted(seen["Prefix"][len(prefix) : -1] for page in pages for seen in page.get("CommonPrefixes", []))

    def _pages(self, prefix: str, **more: str) -> Iterator[dict]:
        try:
            yield from self._client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix, **more)
        except _FAILURES as error:
            raise self._explained(error, prefix) from error

    def delete(self, key: str) -> None:
        """Remove an object; nothing happens if there is none."""
        self._call("delete_object", key, Key=key)

    def _read(self, key: str, **arguments) -> bytes:
        """The body of an answer, asked for again while it is cut off."""
        for pause in (*self._pauses, None):
            body = self._call("get_object", key, Key=key, **arguments)["Body"]
            try:
                return body.read()
            except _CUT_OFF as error:
                if pause is None:
                    raise self._explained(error, key) from error
            finally:
                body.close()
            time.sleep(pause)
        raise AssertionError("the last try returns or raises")

    def _there(self, key: str, body: bytes, metadata: dict[str, str]) -> str | None:
        """The etag of the object, if it is just this one."""
        try:
            before, found, after = self.head(key), self.get(key), self.head(key)
        except ObjectMissing:
            return None
        return after.etag if (found, after.metadata, before.etag) == (body, metadata, after.etag) else None

    def _call(self, operation: str, key: str, **arguments):
        try:
            return getattr(self._client, operation)(Bucket=self.bucket, **arguments)
        except _FAILURES as error:
            raise self._explained(error, key) from error

    def _explained(self, error: Exception, key: str) -> NightjarError:
        if isinstance(error, boto3.exceptions.Boto3Error):  # which wraps what it could not get over
            error = getattr(error, "last_exception", None) or error.__context__ or error
        code = str(error.response["Error"].get("Code")) if isinstance(error, ClientError) else ""
        if code in _UNSAID and error.operation_name == "HeadObject":
            try:
                self._client.get_object(Bucket=self.bucket, Key=key, Range="bytes=0-0")["Body"].close()
            except _FAILURES as said:
                return self._explained(said, key)
        if code == "NoSuchBucket":
            return StoreFailed(f"there is no bucket {self.bucket!r}", "Create it, or set NIGHTJAR_BUCKET")
        if code in _MISSING:
            return ObjectMissing(f"there is no object {key!r} in {self.bucket}")
        if code in _CONFLICT:
            return ObjectChanged(key, bool(error.response["ResponseMetadata"].get("RetryAttempts")))
        if isinstance(error, NoConnection | HTTPClientError | IncompleteReadError):
            remedy = (
                "Is the store up? The embedded one is started by make demo, or .venv/bin/python -m deploy.embedded up; "
                "for another see NIGHTJAR_S3_ENDPOINT"
            )
        else:
            remedy = "Check NIGHTJAR_S3_ENDPOINT, the AWS_* credentials and that the store is up"
        reads = isinstance(error, ClientError) and error.operation_name in ("GetObject", "HeadObject")
        kind = ObjectRefused if reads and (code in _REFUSED or code.startswith("KMS.")) else StoreFailed
        return kind(f"object storage at {self._endpoint or 'S3'} failed for {key!r}: {error}", remedy, str(error))
