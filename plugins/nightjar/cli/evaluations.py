"""The arguments of `nightjar evaluate WHAT`."""

from __future__ import annotations

import argparse
from pathlib import Path

from nightjar.cli import values
from nightjar.settings import FIRST_MODEL


def _duplicates(command: argparse.ArgumentParser) -> None:
    command.add_argument("--songs", type=Path, required=True, metavar="DIR", help="a folder of audio files")
    command.add_argument(
        "--truth", type=Path, required=True, metavar="TRUTH.csv", help="its pairs that are not distinct: a,b,verdict"
    )
    command.add_argument("--report", type=Path, required=True, metavar="OUT.json", help="where the report goes")
    command.add_argument("--no-separation", action="store_true", help="compare mixes only: fast, and finds no covers")
    command.add_argument(
        "--others",
        action="store_true",
        help="the same pairs by Echoprint codes, pyacoustid and AcoustID's rule besides",
    )


def _copies(command: argparse.ArgumentParser) -> None:
    command.add_argument("--songs", type=Path, required=True, metavar="DIR", help="a folder of audio files")
    command.add_argument("--out", type=Path, required=True, metavar="DIR", help="the folder to make")
    command.add_argument(
        "--kinds",
        type=values.names,
        metavar="A,B,C",
        help="only these alterations (an unknown one lists all there are)",
    )
    command.add_argument("--limit", type=values.positive, metavar="N", help="so many of the songs, spread evenly")


def _recommendations(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--train", type=Path, required=True, metavar="TRAIN.csv", help="user_id,item_id,play_count[,listened_at]"
    )
    command.add_argument(
        "--holdout", type=Path, required=True, metavar="HOLDOUT.csv", help="what was played later: user_id,item_id"
    )
    command.add_argument(
        "--embeddings",
        type=Path,
        metavar="FILE.parquet",
        help="track_id, vector of items: the same by sound, and of items that nobody has played",
    )
    command.add_argument("--report", type=Path, required=True, metavar="OUT.json", help="where the report goes")


def _retrieval(command: argparse.ArgumentParser) -> None:
    command.add_argument("--songs", type=Path, required=True, metavar="DIR", help="a folder of audio files")
    command.add_argument("--labels", type=Path, required=True, metavar="LABELS.csv", help="file, and columns of labels")
    command.add_argument("--label", required=True, metavar="COLUMN", help="songs that share it are alike")
    command.add_argument(
        "--exclude-same", metavar="COLUMN", help="nothing is found that shares this with what it is asked by"
    )
    command.add_argument(
        "--model", metavar="NAME", help=f"the model to judge (default: NIGHTJAR_MODEL, else {FIRST_MODEL})"
    )
    command.add_argument("--report", type=Path, required=True, metavar="OUT.json", help="where the report goes")
    command.add_argument("--no-separation", action="store_true", help="take the mix for the accompaniment: fast")
    command.add_argument("--copies", action="store_true", help="compare songs with copies (mp3, noise) of them too")


EVALUATIONS = {
    "recommendations": ("how well recorded plays predict what was played later", _recommendations),
    "duplicates": ("what the real stages find of known pairs in a folder of songs", _duplicates),
    "retrieval": ("how well songs find their like by sound, model by model", _retrieval),
    "copies": ("a folder of songs and altered copies of them, with its known pairs", _copies),
}
"""What each measures, and what adds its arguments."""
