"""Brings uv, of the version and with a hash that uv.txt lists, by whatever can fetch a package on this machine."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

LOCK = Path(__file__).resolve().with_name("uv.txt")
_DOWNLOAD = ["download", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary", ":all:"]


def pip() -> list[str]:
    """The command of this Python's pip, or of the PATH's. Empty if there is none."""
    for command in ([sys.executable, "-m", "pip"], ["pip3"], ["pip"]):
        try:
            subprocess.run([*command, "--version"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
        except (OSError, subprocess.CalledProcessError):
            continue
        return command
    return []


def bring(target: Path) -> None:
    """Put uv at `target`. Raises SystemExit with what to do if nothing here can fetch it."""
    tried = []
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as name:
        folder = Path(name)
        for fetch in (_by_pip, _by_uv, _by_venv):
            try:
                found = fetch(folder)
            except OSError as error:
                tried.append(str(error))
            except subprocess.CalledProcessError as error:
                tried.append((error.stderr.strip() or f"{error.cmd[0]} ended with {error.returncode}").splitlines()[-1])
            else:
                found.chmod(0o755)
                found.replace(target)
                return
    raise SystemExit(
        "uv, which installs all else, could not be fetched:\n  "
        + "\n  ".join(dict.fromkeys(tried))
        + "\nInstall pip for this Python (Debian: apt install python3-pip) and see that `pip download uv` works, "
        "or put any uv on the PATH; then run this again."
    )


def _by_pip(folder: Path) -> Path:
    if not (command := pip()):
        raise OSError(f"{sys.executable} has no pip, and there is none on the PATH")
    return _wheel(command, folder)


def _by_venv(folder: Path) -> Path:
    _run([sys.executable, "-m", "venv", str(folder / "venv")])
    return _wheel([str(folder / "venv" / "bin" / "pip")], folder)


def _by_uv(folder: Path) -> Path:
    """Any uv fetches the one that is locked."""
    if not (other := shutil.which("uv")):
        raise OSError("there is no uv on the PATH")
    options = ["--quiet", "--no-deps", "--no-build", "--require-hashes", "--target", str(folder / "target")]
    _run([other, "pip", "install", *options, "--requirement", str(LOCK)])
    return folder / "target" / "bin" / "uv"


def _wheel(command: list[str], folder: Path) -> Path:
    _run([*command, *_DOWNLOAD, "--require-hashes", "--dest", str(folder), "--requirement", str(LOCK)])
    with zipfile.ZipFile(next(folder.glob("uv-*.whl"))) as packed:
        inside = next(name for name in packed.namelist() if name.endswith(".data/scripts/uv"))
        return Path(packed.extract(inside, folder))


def _run(command: list[str]) -> None:
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=True)
