"""`nightjar duplicates explain A B`."""

from __future__ import annotations

from argparse import Namespace
from datetime import UTC, datetime
from pathlib import Path

from nightjar.cli.known import Known
from nightjar.cli.output import Answer, Section
from nightjar.duplicates import pair as pairs
from nightjar.duplicates.pair import Pair, Upload
from nightjar.duplicates.picture_data import (
    LINES,
    PARTS,
    Excerpt,
    PictureData,
    Span,
    matrix,
    part_shown,
    rate_of,
    spans_of,
    words_at,
)
from nightjar.duplicates.verdict import ALTERED, CONTAINS, COVER, DUPLICATE, FRAGMENT
from nightjar.embed.mel import log_mel
from nightjar.errors import NightjarError
from nightjar.settings import Settings
from nightjar.takedowns.ledger import taken_down

_EXCERPT_S = 10.0
_SHORTEST_EXCERPT_S = 3.0


def run(settings: Settings, arguments: Namespace) -> Answer:
    """The verdict on two tracks in words and as a picture.

    Raises NightjarError for unknown, rejected or equal tracks, and if the picture cannot be written.
    """
    known = Known(settings)
    one, other = arguments.pair
    if one == other:
        raise NightjarError(f"{one!r} is one track, and a pair needs two", "Name two: nightjar duplicates explain A B")
    pair = pairs.between(known.lake, settings.model, _upload(known, one), _upload(known, other))
    spans = spans_of(pair.found["spans"], pair.found["speed"])
    canonical = _canonical(known, pair)
    words = _sentences(known, pair, canonical)
    target = Path(arguments.out or f"{pair.a.track_id}-{pair.b.track_id}.png")
    if target.suffix.lower() != ".png":
        raise NightjarError(f"{target} is no name of a picture", "Name a file that ends in .png")
    note = _draw(settings, pair, spans, target)
    data = {"a": _named(pair.a), "b": _named(pair.b), "in_sweep": pair.in_sweep, "swept": pair.swept} | pair.found
    data |= {"canonical": canonical, "words": [_verdict(pair), *words], "picture": str(target), "note": note or None}
    shown = [*words, *([note] if note else []), f"The picture is in {target}"]
    verdict = Section("Verdict", (), [], _verdict(pair))  # first, and in one line
    return Answer(data, [verdict, _parts(pair), _spans(pair, spans)], shown)


def _upload(known: Known, track_id: str) -> Upload:
    day = known.track_day(track_id)
    if rejected := known.rejection(track_id, day):
        raise rejected
    return pairs.upload(known.lake, known.settings.model, track_id, day)


def _named(upload: Upload) -> dict:
    own = {"track": upload.track_id, "title": upload.title, "uploader": upload.uploader, "day": upload.day}
    return own | {"uploaded_at": _time(upload), "seconds": round(upload.song.seconds, 3)}


def _canonical(known: Known, pair: Pair) -> str | None:
    """The song that both count as; None if they are not in one group."""
    groups = {row["track_id"]: row["canonical_id"] for row in known.groups().to_pylist()}
    a, b = (groups.get(each.track_id) for each in (pair.a, pair.b))
    return a if a == b else None


# --- words ------------------------------------------------------------------------------------------------------------
def _verdict(pair: Pair) -> str:
    """The verdict in a sentence."""
    verdict, score = pair.found["verdict"], pair.found["score"]
    whole_first = verdict in (FRAGMENT, CONTAINS)
    order = sorted((pair.a, pair.b), key=lambda each: (-each.song.seconds if whole_first else 0, each.song.age))
    a, b = map(_song, order)
    said = {
        DUPLICATE: f"{b} is a duplicate of {a}",
        FRAGMENT: f"{b} is a fragment of {a}",
        ALTERED: f"{b} is an altered copy of {a}",
        CONTAINS: f"{a} is a compilation that contains {b}",
        COVER: f"{b} is a cover of {a}",
    }
    return f"{said[verdict]}, by a score of {score:.2f}" if verdict in said else f"{a} and {b} are distinct songs"


def _sentences(known: Known, pair: Pair, canonical: str | None) -> list[str]:
    """What follows the verdict, one thing a sentence."""
    found, said = pair.found, []
    if found["evidence"]:
        said.append(f"Evidence, {pair.a.track_id} being a and {pair.b.track_id} b: {found['evidence']}.")
    if found["spans"]:
        said.append(f"They agree over {found['overlap_s']:.1f} s in all, {found['share']:.0%} of the shorter song.")
    if found["speed"] != 1 or found["pitch"] != 0:
        said.append(_played(pair))
    first, second = sorted((pair.a, pair.b), key=lambda each: each.song.age)
    said.append(f"{first.track_id} is the older upload, of {_time(first)}; {second.track_id} came {_time(second)}.")
    if canonical:
        said.append(f"Both are in one group and count as {canonical}.")
    elif found["verdict"] in (DUPLICATE, FRAGMENT):
        said.append("They are not in one group: most songs that stand for it have to match (nightjar duplicates).")
    return said if pair.in_sweep else [*said, _no_pair(known, pair)]


def _played(pair: Pair) -> str:
    speed, pitch = pair.found["speed"], pair.found["pitch"]
    said = []
    if speed != 1:
        said.append(f"{abs(speed - 1):.1%} {'faster' if speed > 1 else 'slower'} (speed {speed:.4f})")
    if pitch:
        said.append(f"{abs(pitch):.2f} semitones {'higher' if pitch > 0 else 'lower'}")
    return f"{pair.b.track_id} plays {' and '.join(said)} than {pair.a.track_id}."


def _no_pair(known: Known, pair: Pair) -> str:
    """Why there is no row of the sweep, as far as one can tell."""
    gone = sorted({pair.a.track_id, pair.b.track_id} & taken_down(known.lake))
    now = "this is what comparing their fingerprints gives now"
    if gone:
        return f"The sweep leaves out what was taken down, here {' and '.join(gone)}; {now}."
    if not pair.swept:
        return f"{pair.day} has not been swept for duplicates yet; {now}."
    return f"The sweep of {pair.day} has no such pair: distinct, or never near enough to be compared; {now}."


def _song(upload: Upload) -> str:
    return f"{upload.track_id} ({upload.title})" if upload.title else upload.track_id


def _time(upload: Upload) -> str:
    return f"{datetime.fromtimestamp(upload.song.uploaded_us / 1e6, UTC):%Y-%m-%d %H:%M:%S} UTC"


def _parts(pair: Pair) -> Section:
    rows = [
        (
            *(part, pair.found[part], "decided" if part in pair.decided_by else ""),
            ", ".join(f"{what} from {line:.2f}" for what, line in LINES[part].items()),
        )
        for part in PARTS
    ]
    return Section("Parts", ("part", "similarity|", "", "1 is the same, 0.5 is chance"), rows)


def _spans(pair: Pair, spans: list[Span]) -> Section:
    rows = [(f"{at.a_s:.1f} to {at.a_end_s:.1f}", f"{at.b_s:.1f} to {at.b_end_s:.1f}", at.similarity) for at in spans]
    columns = (f"s of {pair.a.track_id}|", f"s of {pair.b.track_id}|", "similarity|")
    return Section("Where they agree", columns, rows, "nowhere known")


# --- the picture ------------------------------------------------------------------------------------------------------
def _draw(settings: Settings, pair: Pair, spans: list[Span], target: Path) -> str:
    """Write the picture; returns what is missing in it, or nothing."""
    wanted = rate_of(pair.found["pitch"])
    part = part_shown(pair.decided_by)
    excerpts, note = _excerpts(settings, pair, spans, part)
    words_of_b, rate = words_at(pair.b.prints, part, wanted)
    from nightjar.duplicates import picture  # with matplotlib, which takes its time

    data = PictureData(
        a=pair.a.track_id,
        b=pair.b.track_id,
        title=_verdict(pair),
        part=part,
        matrix=matrix(getattr(pair.a.prints, part), words_of_b, rate),
        spans=spans,
        scores={each: pair.found[each] for each in PARTS},
        decided_by=pair.decided_by,
        rate=rate,
        excerpts=excerpts,
        note=note,
    )
    picture.draw(data, target)
    return note


def _excerpts(settings: Settings, pair: Pair, spans: list[Span], part: str) -> tuple[list[Excerpt], str]:
    """The spectrograms of a and b from the beginning of their longest span, or of the songs; or why there are none."""
    speed = pair.found["speed"]
    at = spans[0] if spans else Span(0.0, _EXCERPT_S, 0.0, _EXCERPT_S / speed, 0.0)
    seconds = min(_EXCERPT_S, max(at.a_end_s - at.a_s, _SHORTEST_EXCERPT_S))
    seconds = min(seconds, pair.a.song.seconds - at.a_s, (pair.b.song.seconds - at.b_s) * speed)
    places = ((pair.a, at.a_s, seconds), (pair.b, at.b_s, seconds / speed))
    try:
        return [_excerpt(settings, *place, part) for place in places], ""
    except NightjarError as error:
        return [], f"Without spectrograms: {error}"


def _excerpt(settings: Settings, upload: Upload, start_s: float, seconds: float, part: str) -> Excerpt:
    mel = log_mel(settings, upload.track_id, upload.day, start_s, seconds, part)
    return Excerpt(mel, start_s, seconds)
