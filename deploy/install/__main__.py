"""`python3 -m deploy.install uv|airflow|embedder|kernels|embedder-kernels|lock`, for `make install` and the images.

It is run in the repository's root.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from deploy.install import environments, lock, progress, uv

UV = Path(".tools/bin/uv").resolve()


def main(arguments: list[str]) -> int:
    """Do one thing. Raises SystemExit with what failed and the remedy."""
    parser = argparse.ArgumentParser(prog="python3 -m deploy.install", description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["uv", "airflow", "embedder", *environments.KERNELS, "lock"])
    parser.add_argument("--python", default="", help="the interpreter to use, a Python 3.11; else it is looked for")
    parser.add_argument("--into", type=Path, help="an environment that is there, as in an image, without the library")
    parser.add_argument(
        "--variant", choices=["cpu", "gpu"], default="cpu", help="gpu: torch as the public index has it"
    )
    given = parser.parse_args(arguments)
    if given.what == "uv" or (given.what not in environments.KERNELS and not UV.exists()):
        if not given.into:
            environments.announce()
        uv.bring(UV)
    if given.what == "lock":
        lock.lock(UV)
    elif given.what in environments.KERNELS:
        environments.compile_kernels(given.what, os.environ)
    elif given.what != "uv":
        place = environments.Place(UV, given.python, given.into, dict(os.environ))
        if given.what == "airflow":
            environments.airflow(place)
        else:
            environments.embedder(place, given.variant == "gpu")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except progress.Failed as error:
        sys.exit(f"{error}\nNothing is half done that running this again does not finish.")
    except KeyboardInterrupt:
        sys.exit(130)
