"""Days: the partition keys. A day is a string `YYYY-MM-DD`, in UTC; as strings they order as days do."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from nightjar.errors import NotADay


def parse(text: str | None) -> str:
    """`text` if it is a day. Raises NotADay that says how a run gets one."""
    try:
        parsed = date.fromisoformat(text or "")
    except ValueError:
        parsed = None
    if parsed is None or parsed.isoformat() != text:
        raise NotADay(
            f"{text or 'nothing'!r} is not a day (YYYY-MM-DD)",
            "A run takes its day from its partition key, or from its configuration, as in "
            """airflow dags trigger --conf '{"day": "2026-11-20"}'; airflow tasks test takes it as its last argument""",
        )
    return text


def is_over(day: str, now: datetime) -> bool:
    """Whether the day, in UTC, has ended by `now`."""
    return day < now.astimezone(UTC).date().isoformat()


def backfill(day: str, airflow: str = "airflow") -> str:
    """The command that takes `day` through the whole chain, also where Airflow has run it before."""
    days = f"--from-date {day} --to-date {day}"
    return f"{airflow} backfill create --dag-id ingest_uploads {days} --reprocess-behavior completed"


def rerun(day: str, stage: str = "") -> str:
    """The command that makes `day`, or makes it again, from a stage on: what a person is told of a day that is not
    done."""
    return f"nightjar rerun {day} --from {stage}" if stage else f"nightjar rerun {day}"


def number(day: str) -> int:
    """The day as a whole number, 20261120: what Milvus filters by."""
    return int(day.replace("-", ""))


def before(day: str, count: int) -> list[str]:
    """The `count` days that end with `day`, in order."""
    last = date.fromisoformat(day)
    return [(last - timedelta(days=back)).isoformat() for back in reversed(range(count))]
