"""`make sbom`: what is installed, as CycloneDX SBOMs, and the licences of it. Fails if one of them is not accepted.

Each environment is described as it is on this machine: packages, versions, declared licences, where they come from.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

from deploy.embedded.service import REPOSITORY
from deploy.licences import declared, unaccepted

ENVIRONMENTS = {"airflow": REPOSITORY / ".venv", "embedder": REPOSITORY / ".venv-embedder"}
FOLDER = REPOSITORY / ".nightjar" / "sbom"


def describe(environment: Path, output: Path, validate: bool = True) -> list[dict]:
    """Write the SBOM of an environment, by CycloneDX 1.6, and have the tool validate it. Returns its components."""
    tool = Path(sys.executable).with_name("cyclonedx-py")
    check = "--validate" if validate else "--no-validate"
    options = ["--output-reproducible", check, "--spec-version", "1.6", "--output-file", output]
    subprocess.run([tool, "environment", *options, environment / "bin" / "python"], check=True)
    return json.loads(output.read_text())["components"]


def main() -> int:
    """Write and print; 1 if a licence is not accepted."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    wrong, packages = [], defaultdict(set)
    for name, environment in ENVIRONMENTS.items():
        output = FOLDER / f"{name}.cdx.json"
        components = describe(environment, output)
        wrong += unaccepted(components)
        for component in components:
            packages[" and ".join(declared(component))].add(component["name"])
        print(f"{output.relative_to(REPOSITORY)}: {len(components)} components")
    for licence in sorted(packages, key=lambda each: -len(packages[each])):
        print(f"{licence}: {', '.join(sorted(packages[licence], key=str.lower))}")
    for line in wrong:
        print(f"not accepted in deploy/licences.py: {line}", file=sys.stderr)
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
