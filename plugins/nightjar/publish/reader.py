"""A reader of published lists for apps in Python; docs/reading-lists.md describes it for any language."""

from __future__ import annotations

from nightjar.errors import NightjarError
from nightjar.publish.encode import Recommendation, decode
from nightjar.publish.store import connect, explained
from nightjar.publish.versions import POINTER, list_key, new_users_key

_ATTEMPTS = 3


class Reader:
    """Reads lists at any moment of a publish. Safe to share between threads, as redis-py's client is."""

    def __init__(self, kv_url: str) -> None:
        """Raises NightjarError if no store answers."""
        self._url = kv_url
        self._client = connect(kv_url)

    def recommend(self, user_id: str) -> list[Recommendation]:
        """The user's list, best first, or that of new users; empty if nothing was ever published.

        Two reads for a user with a list, three for others. All entries are of one version. Raises NightjarError if the
        store fails or holds another format.
        """
        return self.recommend_with_version(user_id)[1]

    def recommend_with_version(self, user_id: str) -> tuple[str, list[Recommendation]]:
        """The same with the version it is from, "" if nothing was ever published."""
        with explained(self._url):
            for _ in range(_ATTEMPTS):
                version = (self._client.get(POINTER) or b"").decode(errors="replace")
                if not version:
                    return "", []
                body = self._client.get(list_key(version, user_id)) if user_id else None
                if body is None:
                    body = self._client.get(new_users_key(version))
                if body is not None:
                    return version, decode(body)
                # The pointer was read just before this version was removed: it points to a newer one by now.
        raise NightjarError(
            f"the pointer names version {version}, of which the store has nothing",
            "The store lost keys: look for evictions, and run nightjar rebuild lists",
        )

    def close(self) -> None:
        """Hang up."""
        self._client.close()
