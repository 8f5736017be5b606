"""Where the parts are and how large a shard is: the only module that reads Nightjar's environment variables.

Every field is read from `NIGHTJAR_<FIELD>` in capitals. Object-storage credentials come from boto3's own chain
(`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, a role). Commands first let `nightjar.parts` add where the embedded parts
are. What decides a verdict or a rank is not here but in `nightjar.thresholds`: settings differ between environments,
thresholds do not. What a value can be is in `nightjar.rules`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, fields, replace
from pathlib import Path

from nightjar import rules
from nightjar.errors import NightjarError

REPOSITORY = Path(__file__).resolve().parents[2]

CLOUD_ACCOUNT = ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3")
"""A person's own account at a cloud, which the keys of the embedded parts must not be mixed with."""

FIRST_MODEL = "nightjar_pair-2"
"""The embedding model of a lake that has none yet."""


@dataclass(frozen=True)
class Settings:
    """One environment's settings. Paths may be relative to the working directory."""

    s3_endpoint: str = ""
    """Object storage's address; empty for AWS itself."""
    bucket: str = "nightjar"
    milvus_uri: str = "http://127.0.0.1:19530"
    milvus_token: str = ""
    milvus_bucket: str = ""
    """The bucket of the same object storage in which a Milvus server keeps its files, and from which it imports; empty:
    it is another store's, and vectors are only upserted."""
    kv_url: str = "redis://127.0.0.1:6379/0"
    kv_prefix: str = "nightjar:"
    """What all keys in the key-value store begin with; each environment that shares a store has its own."""
    model: str = ""
    """The embedding model whose vectors are loaded, searched and published; empty: the one that is live, see
    nightjar.models.live. Another one than that is a candidate, which is filled and not published."""
    separator: str = "htdemucs-2"
    """The separation model and the version of the code around it; part of every stem's key. `none` separates
    nothing, for evaluations."""
    second_opinion: str = ""
    """`echoprint` to have the embedder write Echoprint codes too, by which an evaluation compares; empty: none."""
    weights_dir: str = ""
    """A local Demucs repository that holds the separator's weights; empty: download them, see the README."""
    cache_dir: str = str(Path.home() / ".cache" / "nightjar")
    """Where downloaded weights are kept."""
    shard_songs: int = 50
    """Songs in one embedder shard: large enough to pay for loading the models, small enough to retry."""
    shard_users: int = 50_000
    """Users in one ranking shard."""
    embedder_python: str = str(REPOSITORY / ".venv-embedder" / "bin" / "python")
    """The interpreter of the embedder's own environment."""
    embedder_threads: int = 1
    """Threads of one embedder process; two processes of one thread beat one process of two."""
    embedder_runner: str = "subprocess"
    """Where a shard of songs is embedded: `subprocess` in that environment, `docker` or `kubernetes` in its image."""
    embedder_image: str = ""
    """The embedder's image, with its version; for docker and kubernetes."""
    embedder_memory_mb: int = 4096
    """What a container or a pod may use: a process needs 2.5 GB, and the rest is for files in memory."""
    embedder_gpus: str = ""
    """GPUs that one container or pod asks for, in number; empty: none."""
    embedder_options: str = ""
    """Further options of `docker run`, as one types them: --network, --volume."""
    embedder_kubernetes: str = ""
    """The address of Kubernetes's API, as of `kubectl proxy`; empty: that of the cluster in which the task runs."""
    embedder_namespace: str = ""
    """The namespace of the embedder's pods; empty: the one in which the task runs."""
    embedder_service_account: str = ""
    """The service account of the embedder's pods, which may be what gives them the lake; empty: the default one."""
    embedder_secrets: str = ""
    """Kubernetes secrets, by name, with commas between, whose keys are variables of the embedder: the lake's AWS_*."""
    embedder_cache_claim: str = ""
    """The persistent volume claim that keeps the weights for all pods; empty: each pod fetches them."""
    alert_webhook: str = ""
    """An address that takes a JSON object with `text`, as chat systems do, for tasks that failed; empty: only logs."""
    airflow: str = "airflow"
    """How a person calls Airflow's command line: what messages tell to type begins with it."""
    sql_dir: str = str(REPOSITORY / "sql")
    open_days: str = ""
    """`allow` to take in a day that is not over, for tests; empty: it is refused."""
    converge_s: int = 300
    """Seconds between two looks of `converge` for what is unfinished."""
    first_night: str = ""
    """The first day that the nightly schedule takes by itself; earlier ones are a backfill's. Empty: from now on."""

    @classmethod
    def load(cls, environ: dict[str, str] | None = None) -> Settings:
        """Settings from the environment; others are ignored. Raises NightjarError for the first that cannot be."""
        settings = cls.read(environ)
        for error in settings.wrong().values():
            raise error
        return settings

    @classmethod
    def read(cls, environ: dict[str, str] | None = None) -> Settings:
        """The same, also where some are `wrong`; of these a number that is none is kept as text."""
        if environ is None:
            environ = dict(os.environ)
        values = {}
        for field in fields(cls):
            text = environ.get(f"NIGHTJAR_{field.name.upper()}")
            if text is not None:
                is_number = isinstance(field.default, int) and text.isdecimal()
                values[field.name] = int(text) if is_number else text
        return cls(**values)

    def wrong(self) -> dict[str, NightjarError]:
        """By field, why it cannot be as it is. Values that make no sense together are not looked for."""
        found = {each.name: rules.problem(each.name, getattr(self, each.name), each.default) for each in fields(self)}
        return {name: error for name, error in found.items() if error}

    def sound(self) -> Settings:
        """With defaults instead of what is wrong."""
        return replace(self, **{each.name: each.default for each in fields(self) if each.name in self.wrong()})

    def environment(self) -> dict[str, str]:
        """The environment variables that make `load` give these settings in another process."""
        return {f"NIGHTJAR_{field.name.upper()}": str(getattr(self, field.name)) for field in fields(self)}
