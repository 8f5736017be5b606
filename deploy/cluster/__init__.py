"""A Milvus cluster on one machine: what production runs on many, each part a process of its own on 127.0.0.1."""

import nightjar  # noqa: F401  before pymilvus, see there
