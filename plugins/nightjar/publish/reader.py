"""A reader of published lists for apps in Python; docs/reading-lists.md describes it for any language."""

from __future__ import annotations

from nightjar.errors import NightjarError
from nightjar.ingest import names
from nightjar.publish.connection import connect, explained
from nightjar.publish.encode import Recommendation, decode
from nightjar.publish.versions import POINTER, list_key, new_users_key
from nightjar.settings import Settings

_ATTEMPTS = 3


class Reader:
    """Reads lists at any moment of a publish. Safe to share between threads, as redis-py's client is."""

    def __init__(self, kv_url: str, prefix: str = Settings.kv_prefix) -> None:
        """`prefix` is what all keys begin with, NIGHTJAR_KV_PREFIX. Raises NightjarError if no store answers."""
        self._url, self._prefix = kv_url, prefix
        self._client = connect(kv_url, prefix)

    def recommend(self, user_id: str) -> list[Recommendation]:
        """The user's list, best first, or that of new users; empty if nothing was ever published.

        Two reads for a user with a list, three for others. All entries are of one version. Raises NightjarError if the
        store fails or holds another format.
        """
        return self.recommend_with_version(user_id)[1]

    def recommend_with_version(self, user_id: str) -> tuple[str, list[Recommendation]]:
        """The same with the version it is from, "" if nothing was ever published."""
        with explained(self._url, self._prefix):
            user_id = names.user_id(user_id)
            for _ in range(_ATTEMPTS):
                version = (self._get(POINTER) or b"").decode(errors="replace")
                if not version:
                    return "", []
                body = self._get(list_key(version, user_id)) if user_id else None
                if body is None:
                    body = self._get(new_users_key(version))
                if body is not None:
                    return version, decode(body)
                # The pointer was read just before this version was removed: it points to a newer one by now.
        raise NightjarError(
            f"the pointer names version {version}, of which the store has nothing",
            "The store lost keys: look for evictions, and run nightjar rebuild lists",
        )

    def _get(self, name: str) -> bytes | None:
        return self._client.get(self._prefix + name)

    def close(self) -> None:
        """Hang up."""
        self._client.close()
