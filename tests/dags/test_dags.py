"""The DAGs as Airflow reads them: they load fast and without heavy imports, and have what a night needs."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
FILES = sorted((REPOSITORY / "dags").glob("*.py"))
HEAVY = {"boto3", "duckdb", "numpy", "pandas", "pyarrow", "pymilvus", "redis", "scipy", "tensorflow", "torch"}

READ = """
import json, runpy, sys, time
def read(file):
    for name in [name for name in sys.modules if name.partition(".")[0] == "nightjar"]:
        del sys.modules[name]
    begun = time.process_time()
    runpy.run_path(file)
    return time.process_time() - begun
first = sum(map(read, sys.argv[1:]))  # nearly all of it Airflow's own imports, which its processor makes once
seconds = {file: read(file) for file in sys.argv[1:]}
loaded = sorted({name.partition(".")[0] for name in sys.modules})
print(json.dumps({"first": first, "seconds": seconds, "loaded": loaded}))
"""


def test_dag_files_load_fast_and_import_nothing_heavy(tmp_path: Path):
    environment = {"PATH": "/usr/bin:/bin", "AIRFLOW_HOME": str(tmp_path), "PYTHONPATH": str(REPOSITORY / "plugins")}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", READ, *map(str, FILES)],
        env=environment | {"NIGHTJAR_BUCKET": "none"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    seen = json.loads(done.stdout.splitlines()[-1])
    assert len(seen["seconds"]) == 6
    assert max(seen["seconds"].values()) < seen["first"] / 20, "CPU-seconds of our own beside Airflow's"
    assert HEAVY.isdisjoint(seen["loaded"])


@pytest.fixture(scope="module")
def dags() -> dict:
    """The DAGs by id, loaded in this process."""
    from importlib.util import module_from_spec, spec_from_file_location

    from airflow.sdk import DAG

    found = {}
    for file in FILES:
        spec = spec_from_file_location(f"dag_file_{file.stem}", file)
        module = module_from_spec(spec)
        spec.loader.exec_module(module)
        source = getattr(module, file.stem)()
        assert isinstance(source, DAG)
        found[source.dag_id] = source
    return found


def _leaves(condition) -> list:
    """The assets of a condition, all of which are waited for."""
    if not hasattr(condition, "objects"):
        return [condition]
    assert type(condition).__name__ == "AssetAll"
    return [leaf for each in condition.objects for leaf in _leaves(each)]


def test_a_backfill_of_the_first_drives_the_chain(dags):
    """Each DAG but the first waits for assets that another one makes, and only by partition."""
    makes = {dag_id: {asset.uri for task in dag.tasks for asset in task.outlets} for dag_id, dag in dags.items()}
    waits = {
        dag_id: {asset.uri for asset in _leaves(dag.timetable.asset_condition)}
        for dag_id, dag in dags.items()
        if dag_id not in ("ingest_uploads", "converge")
    }
    assert waits["embed_tracks"] <= makes["ingest_uploads"]
    assert waits["load_vectors"] <= makes["embed_tracks"]
    assert waits["sweep_duplicates"] <= makes["load_vectors"]
    assert waits["publish_recommendations"] <= makes["sweep_duplicates"]
    assert all(len(assets) == 1 for assets in waits.values()), "half of two events would wait in the queue"
    assert {type(dag.timetable).__name__ for dag_id, dag in dags.items() if dag_id in waits} == {
        "PartitionedAssetTimetable"
    }


def test_every_stage_is_begun_by_the_first_task_of_its_dag_and_ended_by_another():
    from nightjar.converge.stages import CHAIN, DAGS

    for stage in CHAIN:
        source = (REPOSITORY / "dags" / f"{DAGS[stage]}.py").read_text(encoding="utf-8")
        assert source.count(f'begins="{stage}"') == source.count(f'ends="{stage}"') == 1, stage


def test_every_task_is_retried_limited_and_reported(dags):
    for task in (task for dag in dags.values() for task in dag.tasks):
        assert task.retries >= 2, task
        assert task.retry_exponential_backoff, task
        assert timedelta() < task.execution_timeout <= timedelta(hours=6), task
        assert task.on_failure_callback, task
        assert task.owner == "nightjar", task


def test_separation_is_held_back_by_its_pool(dags):
    pools = {(dag_id, task.task_id): task.pool for dag_id, dag in dags.items() for task in dag.tasks}
    assert [at for at, pool in pools.items() if pool == "separation"] == [("embed_tracks", "embed_shard")]


def test_work_is_mapped_over_shards(dags):
    mapped = {task.task_id for dag in dags.values() for task in dag.tasks if task.is_mapped}
    assert mapped == {"probe_shard", "embed_shard", "rank_shard"}


def test_what_is_taken_down_is_purged_after_a_sweep_and_never_beside_one(dags):
    purges = [(dag, task) for dag in dags.values() for task in dag.tasks if task.task_id == "purge_takedowns"]
    assert [(dag.dag_id, task.upstream_task_ids) for dag, task in purges] == [("sweep_duplicates", {"sweep"})]
    assert purges[0][0].max_active_runs == 1


def test_every_dag_is_its_own_runbook(dags):
    for dag in dags.values():
        assert "**Healthy:**" in dag.doc_md
        assert "**When not:**" in dag.doc_md
        assert "nightjar" in dag.tags
        assert dag.max_active_runs == 1


def _stored(dag):
    """The DAG as the scheduler reads it."""
    from airflow.serialization.serialized_objects import DagSerialization

    return DagSerialization.from_dict(DagSerialization.to_dict(dag))


def test_the_nightly_run_takes_the_day_before(dags):
    import pendulum

    midnight = pendulum.datetime(2026, 11, 21, tz="UTC")
    assert _stored(dags["ingest_uploads"]).timetable._get_partition_info(midnight)[1] == "2026-11-20"


def test_the_first_night_is_the_first_day_that_the_schedule_takes(dags, monkeypatch):
    from airflow.timetables.base import TimeRestriction

    from nightjar.airflow.tasks import first_night

    monkeypatch.setenv("NIGHTJAR_FIRST_NIGHT", "2099-12-31")
    since = TimeRestriction(earliest=first_night(), latest=None, catchup=False)
    stored = _stored(dags["ingest_uploads"])
    assert stored.timetable.next_dagrun_info_v2(last_dagrun_info=None, restriction=since).partition_key == "2099-12-31"
