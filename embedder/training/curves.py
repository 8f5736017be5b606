"""The course of a training run as a picture, in SVG written by hand: the embedder's environment draws nothing else."""

from __future__ import annotations

from pathlib import Path

WIDTH, HEIGHT, MARGIN = 420, 260, 44
_PANELS = (
    ("loss", {"loss": "#222"}),
    ("same group first", {"group_first": "#1668a8", "teacher_group_first": "#bbb"}),
    ("same group, mAP", {"group_map": "#1668a8", "teacher_group_map": "#bbb"}),
    ("other half of the song first", {"part_first": "#1668a8", "teacher_part_first": "#bbb"}),
)


def draw(rows: list[dict], target: Path) -> None:
    """Draw the columns of a run's history that it has, the teacher's in grey."""
    panels = [(title, lines) for title, lines in _PANELS if set(lines) <= set(rows[-1])]
    drawn = [_panel(rows, title, lines, number) for number, (title, lines) in enumerate(panels)]
    size = f'width="{2 * WIDTH}" height="{(len(panels) + 1) // 2 * HEIGHT}"'
    target.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="11">'
        f'<rect width="100%" height="100%" fill="white"/>{"".join(drawn)}</svg>\n'
    )


def _panel(rows: list[dict], title: str, lines: dict[str, str], number: int) -> str:
    left, top = number % 2 * WIDTH + MARGIN, number // 2 * HEIGHT + MARGIN
    wide, high = WIDTH - MARGIN - 20, HEIGHT - 2 * MARGIN
    values = {name: [float(row[name]) for row in rows] for name in lines}
    low, top_value = min(map(min, values.values())), max(map(max, values.values()))
    span = top_value - low or 1.0
    drawn = [
        f'<text x="{left}" y="{top - 12}" font-size="13">{title}</text>',
        f'<rect x="{left}" y="{top}" width="{wide}" height="{high}" fill="none" stroke="#999"/>',
        f'<text x="{left - 4}" y="{top + 10}" text-anchor="end">{top_value:.3g}</text>',
        f'<text x="{left - 4}" y="{top + high}" text-anchor="end">{low:.3g}</text>',
        f'<text x="{left + wide}" y="{top + high + 14}" text-anchor="end">epoch {rows[-1]["epoch"]}</text>',
    ]
    for name, colour in lines.items():
        places = [
            f"{left + wide * at / max(len(rows) - 1, 1):.1f},{top + high * (1 - (value - low) / span):.1f}"
            for at, value in enumerate(values[name])
        ]
        drawn.append(f'<polyline points="{" ".join(places)}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
    return "".join(drawn)
