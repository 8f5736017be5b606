"""`python -m tests.deploy.images.a_night`: sweeps, ranks and publishes small nights by the steps. Prints what numba
compiled for that, a function a line."""

from __future__ import annotations

from numba.core import event

from nightjar.duplicates.steps import sweep_duplicates
from nightjar.models import live
from nightjar.publish.steps import commit_lists, publish_lists
from nightjar.recommend import steps
from nightjar.settings import Settings
from nightjar.vectors.steps import load_vectors
from tests.end_to_end import undisturbed
from tests.nightjar.duplicates import nights
from tests.nightjar.recommend import night


def main() -> None:
    settings = live.resolved(Settings.load())
    compiled = event.RecordingListener()
    with event.install_listener("numba:compile", compiled):
        for day in nights.DAYS:
            nights.write_day(settings, day)
            load_vectors(settings, day)
            sweep_duplicates(settings, day)
        undisturbed.wipe(settings)
        for day in night.DAYS:
            night.write_day(settings, day)
        shards = night.learn(settings, day)["shards"]
        for shard in range(shards):
            steps.rank_shard(settings, day, shard, shards)
        commit_lists(settings, day, shards)
        publish_lists(settings, day)
    for _, each in compiled.buffer:
        if each.is_start:
            print(each.data["dispatcher"].__qualname__, each.data["args"])


if __name__ == "__main__":
    main()
