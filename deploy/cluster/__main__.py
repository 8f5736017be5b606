"""`python -m deploy.cluster up|down|status|uri [--data DIR]`: the Milvus cluster on the command line.

`uri` prints the address of one that runs, for NIGHTJAR_MILVUS_URI. Without --data its state is below .nightjar/cluster,
and `down` ends every cluster below .nightjar.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from deploy.cluster.cluster import HOME, NOTED, Cluster, clusters
from deploy.embedded import folders
from nightjar.errors import NightjarError


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m deploy.cluster", description=__doc__.splitlines()[0])
    parser.add_argument("command", choices=("up", "down", "status", "uri"))
    parser.add_argument("--data", type=Path)
    asked = parser.parse_args(arguments)
    try:
        return _run(asked.command, asked.data)
    except NightjarError as error:
        print(error, file=sys.stderr)
        return 1


def _run(command: str, data: Path | None) -> int:
    """The exit code. Raises NightjarError."""
    if command == "down":
        for each in [_known(data)] if data else clusters():
            Cluster(each).down(print)
        return 0
    if command == "up":
        cluster = Cluster(data or HOME)
        cluster.up(print)
        print(f"NIGHTJAR_MILVUS_URI={cluster.uri}   data: {cluster.data}   stop: make cluster-stop")
        return 0
    cluster = Cluster(_known(data or HOME))
    if command == "status":
        return _status(cluster)
    if not cluster.roles["proxy"].process:
        raise NightjarError(f"the cluster in {cluster.data} does not run", "Start it: make cluster")
    print(cluster.uri)
    return 0


def _known(folder: Path) -> Path:
    return folders.known(folder, NOTED, f".venv/bin/python -m deploy.cluster up --data {folder}")


def _status(cluster: Cluster) -> int:
    """Print what runs; returns 0 if everything does, else 3, as init scripts have it."""
    for service in cluster.services:
        process = service.process
        print(f"{service.name:<12} {f'process {process.pid}' if process else 'does not run':<16} {service.log}")
    return 0 if all(service.process for service in cluster.services) else 3


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
