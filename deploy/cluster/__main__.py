"""`python -m deploy.cluster up|down|status|uri [--data DIR]`: the Milvus cluster on the command line.

`uri` prints the address, for NIGHTJAR_MILVUS_URI. Without --data its state is below .nightjar/cluster, and `down` ends
every cluster below .nightjar.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from deploy.cluster.cluster import HOME, Cluster, clusters
from nightjar.errors import NightjarError


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m deploy.cluster", description=__doc__.splitlines()[0])
    parser.add_argument("command", choices=("up", "down", "status", "uri"))
    parser.add_argument("--data", type=Path)
    asked = parser.parse_args(arguments)
    if asked.command == "down":
        for data in [asked.data] if asked.data else clusters():
            Cluster(data).down(print)
        return 0
    cluster = Cluster(asked.data or HOME)
    try:
        if asked.command == "up":
            cluster.up(print)
            print(f"NIGHTJAR_MILVUS_URI={cluster.uri}   data: {cluster.data}   stop: make cluster-stop")
        elif asked.command == "uri":
            print(cluster.uri)
        else:
            return _status(cluster)
    except NightjarError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _status(cluster: Cluster) -> int:
    """Print what runs; returns 0 if everything does, else 3, as init scripts have it."""
    for service in cluster.services:
        process = service.process
        print(f"{service.name:<12} {f'process {process.pid}' if process else 'does not run':<16} {service.log}")
    return 0 if all(service.process for service in cluster.services) else 3


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
