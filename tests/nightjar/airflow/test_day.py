"""Where a run has its day from."""

from __future__ import annotations

from types import SimpleNamespace

import jinja2
import pytest

from nightjar import days
from nightjar.airflow.day import DAY, TRIED, of_run
from nightjar.errors import NotADay

RUNS = {
    "a partition key": ({"partition_key": "2026-11-20", "conf": None, "run_id": "backfill__1"}, "2026-11-20"),
    "a configuration": ({"partition_key": None, "conf": {"day": "2026-11-20"}, "run_id": "converge__1"}, "2026-11-20"),
    "neither": ({"partition_key": None, "conf": {}, "run_id": "manual__1"}, None),
}


@pytest.mark.parametrize(("fields", "day"), RUNS.values(), ids=RUNS)
def test_a_run_has_its_day_from(fields, day):
    run = SimpleNamespace(**fields)
    assert of_run(run) == day
    assert jinja2.Template(DAY).render(dag_run=run, ds="2026-11-29") == (day or "")


def test_airflow_tasks_test_gives_a_date():
    run = SimpleNamespace(partition_key=None, conf=None, run_id=f"{TRIED}1")
    assert jinja2.Template(DAY).render(dag_run=run, ds="2026-11-20") == "2026-11-20"
    assert jinja2.Template(DAY).render(dag_run=run) == ""


@pytest.mark.parametrize("text", ["", "None", "2026-11-20T00:00:00", "20.11.2026"])
def test_what_is_no_day_is_told_with_the_ways_to_give_one(text):
    with pytest.raises(NotADay, match=r"partition key.*--conf.*airflow tasks test"):
        days.parse(text)
