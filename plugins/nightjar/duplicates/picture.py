"""The picture of a pair, as a PNG: where the prints agree, how it sounds there, and how alike the parts are.

matplotlib takes half a second to load and is imported only here. Nothing is shown on a screen.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import ScaledTranslation

from nightjar.duplicates.picture_data import CHANCE_BITS, LINES, PARTS, PictureData, Span
from nightjar.errors import NightjarError

_WIDTH_IN, _DPI = 13.0, 110
_INK, _QUIET, _SPAN, _MET, _MISSED = "#222222", "#8a8a8a", "#d1495b", "#83c5a7", "#c4c4c4"
_RAIL_POINTS = 5  # the lines of a span run beside it, so that the dark diagonal stays to be seen between them
_NUMBERED_SPANS = 5  # so many of the longest spans are numbered


def draw(data: PictureData, target: Path) -> None:
    """Write the picture of a pair. Raises NightjarError if the file cannot be written; nothing is left of it then."""
    figure = Figure(figsize=(_WIDTH_IN, 11.0 if data.excerpts else 8.0), dpi=_DPI, layout="constrained")
    heights = [6.4, 2.1, 2.1] if data.excerpts else [6.4]
    grid = figure.add_gridspec(len(heights), 2, width_ratios=[2.5, 1], height_ratios=heights)
    figure.suptitle(_plain(data.title), fontsize=13, color=_INK, x=0.01, ha="left")
    _matrix(figure, figure.add_subplot(grid[0, 0]), data)
    _scores(figure.add_subplot(grid[0, 1]), data)
    if data.excerpts:
        _spectrograms(figure, [figure.add_subplot(grid[row, :]) for row in (1, 2)], data)
    elif data.note:
        figure.supxlabel(_plain(data.note), fontsize=9, color=_QUIET, x=0.01, ha="left", wrap=True)
    _save(figure, target)


def _save(figure: Figure, target: Path) -> None:
    partial = target.with_name(f".{target.name}.part")
    try:
        figure.savefig(partial, format="png", metadata={"Software": None})
        partial.replace(target)
    except OSError as error:
        raise NightjarError(
            f"the picture cannot be written to {str(target)!r}: {error.strerror}", "Name another file with --out"
        ) from error
    finally:
        with suppress(OSError):
            partial.unlink()


def _matrix(figure: Figure, axes: Axes, data: PictureData) -> None:
    seen = data.matrix
    if not seen.errors.size:
        axes.set_axis_off()
        axes.text(0.5, 0.5, "one of the two has no fingerprint: too short, or silent", ha="center", color=_INK)
        return
    image = axes.imshow(
        seen.errors,
        cmap="bone",
        vmin=0,
        vmax=CHANCE_BITS - 2,
        aspect="auto",
        origin="lower",
        extent=(0, seen.a_s, 0, seen.b_s),
        interpolation="nearest" if max(seen.errors.shape) < 400 else "antialiased",
    )
    for number, span in enumerate(data.spans, start=1):
        _span(figure, axes, span, str(number) if len(data.spans) > 1 and number <= _NUMBERED_SPANS else "")
    axes.set_xlim(0, seen.a_s)
    axes.set_ylim(0, seen.b_s)
    axes.set_xlabel(f"seconds of {_plain(data.a)}")
    axes.set_ylabel(f"seconds of {_plain(data.b)}")
    agree = "dark diagonals agree, red lines beside one: it was taken" if data.spans else "a dark diagonal would agree"
    played = f" ({_plain(data.b)} at the pitch of {_plain(data.a)})" if data.rate != 1 else ""
    axes.set_title(f"Fingerprints of the {data.part}{played}: {agree}", fontsize=10, color=_INK, loc="left")
    bar = figure.colorbar(image, ax=axes, location="right", pad=0.01, fraction=0.03, aspect=40)
    bar.set_label(f"wrong bits of 32 (chance: {CHANCE_BITS})", fontsize=8, color=_QUIET)
    bar.outline.set_visible(False)
    _quieten(axes)


def _span(figure: Figure, axes: Axes, span: Span, name: str) -> None:
    for side in (-1, 1):
        beside = ScaledTranslation(side * _RAIL_POINTS / 72, -side * _RAIL_POINTS / 72, figure.dpi_scale_trans)
        axes.plot(
            [span.a_s, span.a_end_s],
            [span.b_s, span.b_end_s],
            color=_SPAN,
            linewidth=1.6,
            solid_capstyle="round",
            transform=axes.transData + beside,
        )
    if name:
        axes.annotate(
            name, (span.a_s, span.b_s), (9, -3), textcoords="offset points", color=_SPAN, fontsize=11, weight="bold"
        )


def _scores(axes: Axes, data: PictureData) -> None:
    """A bar for each part, green from the threshold on that it has to reach, with every threshold as a line."""
    for place, part in enumerate(PARTS):
        value, decided = data.scores[part], part in data.decided_by
        met = value is not None and value >= min(LINES[part].values())
        axes.bar(place, value or 0, width=0.62, color=_MET if met else _MISSED, edgecolor=_INK, linewidth=2 * decided)
        for what, line in LINES[part].items():
            axes.plot([place - 0.42, place + 0.42], [line, line], color=_SPAN, linewidth=1.5)
            axes.text(place, line - 0.006, f"{what} {line:.2f}", ha="center", va="top", fontsize=7.5, color=_INK)
        said, size = ("not compared", 8) if value is None else (f"{value:.2f}", 11)
        axes.text(place, 1.02, said, ha="center", va="bottom", fontsize=size, color=_INK)
    axes.axhline(0.5, color=_QUIET, linewidth=0.8, linestyle=":")
    axes.set_ylim(0.4, 1.07)
    axes.set_xlim(-0.6, len(PARTS) - 0.4)
    decided = [part in data.decided_by for part in PARTS]
    axes.set_xticks(
        range(len(PARTS)),
        [f"{part}\n(decided)" if yes else f"{part}\n" for part, yes in zip(PARTS, decided, strict=True)],
    )
    axes.set_yticks([0.5, 0.6, 0.7, 0.8, 0.9, 1.0], ["chance 0.5", "0.6", "0.7", "0.8", "0.9", "1"])
    axes.axhline(1, color=_QUIET, linewidth=0.8, linestyle=":")
    axes.set_title("Similarity of the parts, thresholds in red", fontsize=10, color=_INK, loc="left")
    _quieten(axes)


def _spectrograms(figure: Figure, both: list[Axes], data: PictureData) -> None:
    """One above the other, equally wide: b is stretched by its speed, so that what is heard together is one column."""
    loudest = max(float(excerpt.mel.max(initial=0.1)) for excerpt in data.excerpts)
    for axes, name, excerpt in zip(both, (data.a, data.b), data.excerpts, strict=True):
        end = excerpt.start_s + excerpt.seconds
        image = axes.imshow(
            excerpt.mel.T,
            cmap="magma",
            vmin=0,
            vmax=loudest,
            aspect="auto",
            origin="lower",
            extent=(excerpt.start_s, end, 0, excerpt.mel.shape[1]),
            interpolation="antialiased",
        )
        axes.set_ylabel("mel band")
        axes.set_title(
            f"{_plain(name)}, {data.part}, from {excerpt.start_s:.1f} to {end:.1f} s",
            fontsize=10,
            color=_INK,
            loc="left",
        )
        _quieten(axes)
    both[-1].set_xlabel("seconds of each song, where they agree" if data.spans else "seconds of each song")
    bar = figure.colorbar(image, ax=both, location="right", pad=0.01, fraction=0.02, aspect=40)
    bar.set_label("log mel power", fontsize=8, color=_QUIET)
    bar.outline.set_visible(False)


def _quieten(axes: Axes) -> None:
    axes.tick_params(colors=_QUIET, labelcolor=_INK, labelsize=9)
    for edge in axes.spines.values():
        edge.set_color(_MISSED)


def _plain(text: str) -> str:
    """Text as it is: matplotlib would read what stands between two dollar signs as a formula."""
    return text.replace("$", r"\$")
