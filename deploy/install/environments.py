"""The two environments: Python 3.11, and what the locks say, which is imported once to see that it runs here."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from deploy.install import places, progress, torch_build, uv

VERSION = "3.11"
AIRFLOW = Path(".venv")
EMBEDDER = Path(".venv-embedder")
IMPORTED = {
    AIRFLOW: "airflow, acoustid, boto3, duckdb, imageio_ffmpeg, implicit, matplotlib, numba, pandas, pyarrow, "
    "pymilvus, redis, scipy",
    EMBEDDER: "boto3, demucs, imageio_ffmpeg, keras, librosa, numba, pyarrow, safetensors, soundfile, soxr, "
    "tensorflow, torch",
}
"""What is imported once when it is installed: all that our own code imports of an environment."""
KERNELS = {"kernels": (AIRFLOW, "nightjar.kernels"), "embedder-kernels": (EMBEDDER, "embedder.kernels")}
"""The environment and the module that has numba compile what it needs."""

NEEDS = (
    "Nightjar needs x86_64 Linux with glibc 2.28 or newer and 8 GB of memory. Installing fetches 1.5 GB and takes "
    "5 GB of disk, or 4.0 GB and 9 GB where no CPU build of torch can be had: two to ten minutes"
)


class Place(NamedTuple):
    """Where and with what an environment is made. `into` is one that is there already, else the repository's own."""

    uv: Path
    python: str
    into: Path | None
    environ: Mapping[str, str]


def announce() -> None:
    """Say in one line what is needed, before anything is fetched; nothing where both environments are there."""
    if all(Path(folder, "installed").exists() for folder in (AIRFLOW, EMBEDDER)):
        return
    free = shutil.disk_usage(".").free / 1e9
    print(f"{NEEDS}. Here {free:.0f} GB are free.", flush=True)


def airflow(place: Place) -> None:
    """Airflow and the library."""
    python = _environment(place, AIRFLOW)
    base, _, _ = _environ(place)
    lock = ["--requirement", "requirements.txt"]  # an image's own lies there in its build
    _install(place, base, f"Airflow and what the library needs into {place.into or AIRFLOW}", python, lock)
    if not place.into:
        editable = ["--no-build-isolation", "--editable", "."]
        _uv(place, base, "the library", ["pip", "install", "--python", str(python), "--no-deps", *editable])
    _import(python, AIRFLOW, "")


def embedder(place: Place, gpu: bool) -> None:
    """The embedder's packages, then torch by itself. `gpu` takes its CUDA build without asking elsewhere."""
    python = _environment(place, EMBEDDER)
    base, yours, where = _environ(place)
    lock = ["--requirement", str(torch_build.EMBEDDER)]
    _install(place, base, f"the embedder's packages into {place.into or EMBEDDER}", python, lock)
    taken = _torch(place, python, [] if gpu else torch_build.ways(base, yours, where), base)
    if not place.into:
        site = next((EMBEDDER / "lib").glob("python*/site-packages"))
        (site / "nightjar.pth").write_text(f"{Path('plugins').resolve()}\n")
    _import(python, EMBEDDER, f"torch is {taken}")


def compile_kernels(which: str, environ: Mapping[str, str]) -> None:
    """Have numba's functions compiled, and kept where every later process looks."""
    folder, module = KERNELS[which]
    environ = {**environ, "PYTHONPATH": os.pathsep.join([".", "plugins"]), "TF_CPP_MIN_LOG_LEVEL": "3"}
    progress.run([str(folder / "bin" / "python"), "-m", module], environ, f"compiling what {folder} computes with")


def _torch(place: Place, python: Path, ways: list[torch_build.Way], base: Mapping[str, str]) -> str:
    """torch by the first way that has it and delivers it. Says which, and why not by the ways before."""
    public = torch_build.Way("the index", [], base, True)
    passed_over: list[str] = []
    while True:
        choice = torch_build.choose(place.uv, ways, public)
        passed_over += choice.passed_over
        for line in choice.passed_over:
            print(f"  not from {line}", flush=True)
        build = f"torch {choice.version} from {choice.way.name}"
        try:
            if choice.cuda:
                print(f"{build}, a CUDA build, which runs on a CPU too: 2.7 GB to fetch, 4.7 GB on disk", flush=True)
                _install_lines(place, base, "torch's CUDA libraries", python, torch_build.libraries(), [])
            _install_lines(place, choice.way.environ, build, python, choice.line, choice.way.arguments)
        except progress.Failed as error:
            if choice.way not in ways:
                raise
            print(f"  not from {choice.way.name}: {torch_build.reason(str(error))}", flush=True)
            ways = ways[ways.index(choice.way) + 1 :]
        else:
            return build


def _environ(place: Place) -> tuple[dict[str, str], dict[str, str], str]:
    environ = {**place.environ, "UV_PYTHON_INSTALL_DIR": str(place.uv.parents[1] / "python")}
    return places.for_uv(places.options(uv.pip(), environ), environ)


def _environment(place: Place, folder: Path) -> Path:
    """The interpreter of a fresh environment, or of the one that is there."""
    if place.into:
        return place.into / "bin" / "python"
    base, _, _ = _environ(place)
    wanted = place.python or VERSION
    if place.python:
        _check_version(place.python)
    elif _silent([str(place.uv), "python", "find", "--system", "--no-python-downloads", VERSION], base):
        print(f"Python {VERSION} is not here: uv fetches it into .tools/python", flush=True)
        try:
            _uv(place, base, f"Python {VERSION}", ["python", "install", "--no-bin", VERSION])
        except progress.Failed as error:
            raise SystemExit(
                f"uv cannot fetch Python {VERSION} from here: {torch_build.reason(str(error))}\n"
                f"Install it (Debian, Ubuntu: apt install python{VERSION} if it is offered; pyenv, conda), and run this"
                " again; or say make PYTHON=/path/to/python3.11"
            ) from error
    _uv(place, base, "an environment", ["venv", "--quiet", "--allow-existing", "--python", wanted, str(folder)])
    return folder / "bin" / "python"


def _check_version(python: str) -> None:
    ask = "import sys; print('%d.%d' % sys.version_info[:2])"
    try:
        said = subprocess.run([python, "-c", ask], stdout=subprocess.PIPE, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise SystemExit(f"PYTHON={python} does not run: {error}") from error
    if said.strip() != VERSION:
        raise SystemExit(f"PYTHON={python} is Python {said.strip()}: Nightjar's locks are for {VERSION}")


def _install(place: Place, environ: Mapping[str, str], doing: str, python: Path, more: list[str]) -> None:
    """Install files with a hash in a lock, as they are: nothing that they depend on, nothing that has to be built."""
    strict = ["--no-deps", "--no-build", "--require-hashes"]
    _uv(place, environ, f"installing {doing}", ["pip", "install", "--quiet", "--python", str(python), *strict, *more])


def _install_lines(
    place: Place, environ: Mapping[str, str], doing: str, python: Path, lines: str, more: list[str]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        lock = Path(folder, "lock.txt")
        lock.write_text(f"{lines}\n")
        _install(place, environ, doing, python, [*more, "--requirement", str(lock)])


def _uv(place: Place, environ: Mapping[str, str], doing: str, arguments: list[str]) -> None:
    if doing.startswith("installing"):
        print(doing, flush=True)
    progress.run([str(place.uv), *arguments], environ, doing)


def _silent(command: list[str], environ: Mapping[str, str]) -> int:
    nothing = subprocess.DEVNULL
    return subprocess.run(command, env=dict(environ), stdout=nothing, stderr=nothing).returncode


def _import(python: Path, folder: Path, taken: str) -> None:
    """Import once what was installed; what fails here would fail in the first night."""
    code = f"import {IMPORTED[folder]}"
    if taken:
        code += "; torch.nn.functional.conv1d(torch.ones(1, 1, 8), torch.ones(1, 1, 3))"
    environ = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONWARNINGS": "ignore"}
    environ.pop("PYTHONPATH", None)
    try:
        progress.run([str(python), "-c", code], environ, f"importing what was installed into {python.parents[1]}")
    except progress.Failed as error:
        said = str(error).splitlines()[-1]
        lines = [f"What was installed into {python.parents[1]} does not run here: {said}"]
        lines += [taken] if taken else []
        lines.append(f"Remove {python.parents[1]} and run this again. " + _advice(said))
        raise SystemExit("\n".join(lines)) from error


def _advice(said: str) -> str:
    if "ended with -4" in said:
        return "A processor without AVX cannot run it: TensorFlow's build needs that."
    if "cannot open shared object file" in said:
        return "If the same library is missing again, install the system's package that has it."
    if "GLIBC" in said or "GLIBCXX" in said:
        return "The system's C library is too old for it: glibc 2.28 is needed, as in Debian 10 or RHEL 8."
    return "If it fails in the same way again, the line above names what is missing."
