"""The table and the picture of `tests.bench.users`."""

from __future__ import annotations

from pathlib import Path

_QUALITY = ("ndcg@10", "recall@50")


def show(found: list[dict], size: int) -> None:
    """Print what was found of one size."""
    rows = [each for each in found if each["people"] == size]
    if not rows:
        return
    print(f"--- {size:,} people, {rows[0]['songs']:,} songs, {rows[0]['plays']:,} pairs to learn from")
    print(
        f"{'':<12}{'fit, s':>12}{'lists, s':>12}{'ms a person':>13}{'peak MB':>9}  NDCG@10, recall@50 (95 % intervals)"
    )
    for each in rows:
        quality = "  ".join(_with_interval(each[name]) for name in _QUALITY)
        whole = 1000 * (each["fit"] + each["lists"]) / size
        line = f"{each['method']:<12}{each['fit']:>12,.1f}{each['lists']:>12,.1f}{whole:>13.3f}{each['peak_mb']:>9,.0f}"
        print(f"{line}  {quality}  {_notes(each)}", flush=True)


def _with_interval(of: dict) -> str:
    return "{:.3f} ({:.3f} to {:.3f})".format(of["mean"], *of["interval"])


def _notes(each: dict) -> str:
    notes = [f"{each['neighbours']} neighbours"] if "neighbours" in each else []
    if "estimate" in each:
        notes.append(f"fit from a sample: {each['estimate']:,.1f} s" if each["whole"] else "fit from a sample")
    return ", ".join(notes)


def draw(found: list[dict], picture: Path) -> None:
    """Time of a whole night, memory and quality against the number of people."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 3.6), layout="constrained")
    time, memory, quality = figure.subplots(1, 3)
    for name in dict.fromkeys(each["method"] for each in found):
        rows = sorted((each for each in found if each["method"] == name), key=lambda each: each["people"])
        people = [each["people"] for each in rows]
        (line,) = time.plot(people, [each["fit"] + each["lists"] for each in rows], "o-", label=name, markersize=4)
        measured = [each for each in rows if each.get("whole", True)]
        memory.plot(
            [each["people"] for each in measured], [each["peak_mb"] / 1024 for each in measured], "o-", markersize=4
        )
        means = [each["ndcg@10"]["mean"] for each in rows]
        half = [each["ndcg@10"]["mean"] - each["ndcg@10"]["interval"][0] for each in rows]
        quality.errorbar(people, means, half, fmt="o-", capsize=3, markersize=4, color=line.get_color())
    time.set(yscale="log", title="model and lists for all, processor seconds")
    memory.set(yscale="log", title="peak memory, GB")
    quality.set(title="NDCG@10, 95 % intervals", ylim=(0, None))
    for axes in (time, memory, quality):
        axes.set(xscale="log", xlabel="people")
        axes.grid(alpha=0.3)
    time.legend()
    figure.savefig(picture, dpi=110)
