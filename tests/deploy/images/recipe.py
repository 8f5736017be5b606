"""A Dockerfile's instructions, as far as the tests look into them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[3]
RECIPES = {name: REPOSITORY / "deploy" / "images" / name / "Dockerfile" for name in ("airflow", "embedder")}


@dataclass
class Stage:
    """One `FROM`: its base, its name, and its instructions as (word, rest)."""

    base: str
    name: str
    instructions: list[tuple[str, str]] = field(default_factory=list)

    def of(self, word: str) -> list[str]:
        return [rest for each, rest in self.instructions if each == word]


def stages(path: Path) -> list[Stage]:
    """The stages of a recipe. Comments and line ends that are no ends are left out."""
    lines = [line for line in path.read_text().splitlines() if not line.lstrip().startswith("#")]
    found: list[Stage] = []
    for instruction in re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines():
        word, _, rest = instruction.strip().partition(" ")
        if word == "FROM":
            base, _, name = rest.partition(" AS ")
            found.append(Stage(base.strip(), name.strip()))
        elif word:
            found[-1].instructions.append((word, rest.strip()))
    return found
