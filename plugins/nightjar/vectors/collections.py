"""A model's collections in Milvus: made, loaded, live or not."""

from __future__ import annotations

from pymilvus import DataType, MilvusClient

from nightjar.errors import NightjarError
from nightjar.settings import Settings
from nightjar.vectors import names
from nightjar.vectors.connection import Connection
from nightjar.vectors.names import KINDS
from nightjar.vectors.wholeness import Wholeness

MAX_ID = 64
"""A track id's longest, see nightjar.schemas."""


class Collections:
    """One model's collections. Raises NightjarError where Milvus cannot answer."""

    def __init__(self, settings: Settings) -> None:
        self.model = settings.model
        self._milvus = Connection(settings)
        self._client, self._call = self._milvus.client, self._milvus.call
        self._wholeness = Wholeness(self._milvus, settings)
        self._loaded: set[str] = set()

    @property
    def milvus(self) -> Connection:
        """The connection, for what is done to collections as wholes."""
        return self._milvus

    def collection(self, kind: str) -> str:
        """The name of this model's collection of `kind`."""
        return names.collection(kind, self.model)

    def ensure(self, dimension: int) -> None:
        """Have this model's collections, loaded. The aliases stay where they are.

        Raises NightjarError if they exist for vectors of another dimension.
        """
        for kind in KINDS:
            name = self.collection(kind)
            if not self._call(self._client.has_collection, name):
                self._create(name, dimension)
            elif not self._call(self._client.list_indexes, name):  # whoever made it was killed in between
                self._call(self._client.create_index, name, self._index())
            found = self._dimension(name)
            if found != dimension:
                raise NightjarError(
                    f"{name} holds vectors of dimension {found}, these have {dimension}",
                    "A model whose output changed needs a new name: set NIGHTJAR_MODEL",
                )
            self._milvus.load(name)

    def create(self, name: str, dimension: int) -> None:
        """Make an empty collection as this model's are, under another name; one of that name is dropped."""
        self._call(self._client.drop_collection, name)
        self._create(name, dimension)

    def exists(self) -> bool:
        """Whether this model has collections."""
        return all(self._call(self._client.has_collection, self.collection(kind)) for kind in KINDS)

    def is_live(self) -> bool:
        """Whether the aliases point to this model's collections."""
        return all(self._live(kind) == self.collection(kind) for kind in KINDS)

    def make_live(self) -> None:
        """Move the aliases to this model's collections. Raises NightjarError if it has none."""
        if not self.exists():
            raise NightjarError(f"no vectors of {self.model} are loaded", f"Run nightjar model fill {self.model}")
        for kind in KINDS:
            move = self._client.alter_alias if self._live(kind) else self._client.create_alias
            self._call(move, self.collection(kind), kind)

    def models(self) -> list[str]:
        """The models that have collections, in order."""
        return sorted({each for name in self._call(self._client.list_collections) if (each := names.model(name))})

    def _live(self, kind: str) -> str | None:
        """The collection behind the alias `kind`."""
        for name in self._call(self._client.list_collections):
            if kind in self._call(self._client.list_aliases, name).get("aliases", []):
                return name
        return None

    def begin_anew(self, name: str) -> None:
        """Take no sentinels of a collection for granted any more: it is made anew, or may have lost some."""
        self._wholeness.begin_anew(name)

    def _create(self, name: str, dimension: int) -> None:
        self.begin_anew(name)
        schema = MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)
        schema.add_field("id", DataType.VARCHAR, is_primary=True, max_length=MAX_ID + 8)
        schema.add_field("track_id", DataType.VARCHAR, max_length=MAX_ID)
        schema.add_field("day", DataType.INT32)
        schema.add_field("vector", DataType.FLOAT_VECTOR, dim=dimension)
        self._call(self._client.create_collection, name, schema=schema, consistency_level="Strong")
        self._call(self._client.create_index, name, self._index())  # apart: with the collection it would load that once

    def _index(self):
        index = MilvusClient.prepare_index_params()
        # Lite is exact with FLAT and rebuilds any graph whenever it opens; a server picks a graph index by itself.
        index.add_index("vector", index_type="FLAT" if self._milvus.lite else "AUTOINDEX", metric_type="COSINE")
        return index

    def _dimension(self, name: str) -> int:
        fields = self._call(self._client.describe_collection, name)["fields"]
        return next(int(field["params"]["dim"]) for field in fields if field["name"] == "vector")

    def _readable(self, kind: str) -> str:
        """The name of this model's collection of `kind`, which Milvus has in memory: a restarted one may not."""
        name = self.collection(kind)
        self._load(name)
        return name

    def _load(self, name: str) -> None:
        if name not in self._loaded:
            self._milvus.load(name)
            self._loaded.add(name)
