"""What a person sees and what a script gets, without any server."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys

import pytest

from nightjar.cli import main, output
from nightjar.cli.known import nearest
from nightjar.cli.output import Answer, Section
from nightjar.settings import REPOSITORY

NIGHTJAR = [sys.executable, "-m", "nightjar.cli"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(REPOSITORY / "plugins")}


def written(answer: Answer, *, as_json: bool = False) -> str:
    file = io.StringIO()
    output.write(answer, as_json=as_json, file=file)
    return file.getvalue()


def test_nothing_is_cut_off_where_no_terminal_is():
    long = "x" * 500
    assert long in written(Answer({}, [Section("t", ("a", "b"), [(long, long)])], [long]))


def test_brackets_and_colons_are_not_markup():
    said = written(Answer({}, [Section("[bold]t[/]", ("a",), [("[red]x[/red] :smile:",)])], ["[x]"]))
    assert "[red]x[/red] :smile:" in said
    assert "[bold]t[/]" in said
    assert said.endswith("[x]\n")


def test_control_characters_do_not_reach_the_terminal():
    said = written(Answer({}, [Section("t", ("a",), [("a\x1b[2Jb\nc\x9b",)])], ["\x07"]))
    assert r"a\x1b[2Jb\nc\x9b" in said
    assert not {"\x1b", "\x9b", "\x07"} & set(said)


def test_an_empty_section_says_so():
    assert written(Answer({}, [Section("Pairs", ("a",), [], "none yet")])) == "Pairs: none yet\n"


def test_nothing_is_a_dash_and_fractions_have_three_digits():
    assert [output.plain(value) for value in (None, 0.12345, 3, "x")] == ["-", "0.123", "3", "x"]


def test_json_is_ascii_and_has_no_tables():
    said = written(Answer({"title": "歌"}, [Section("t", ("a",), [("b",)])], ["note"]), as_json=True)
    assert json.loads(said) == {"title": "歌"}
    assert said.isascii()


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("user-1", "Did you mean user-12 or user-11?"),
        ("zzz", "None of 3 users is called like that; the first is anna."),
    ],
)
def test_an_unknown_name_is_met_with_the_nearest(typed, said):
    assert nearest(typed, ["user-11", "anna", "user-12"], "users") == said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "the following arguments are required: COMMAND"),
        (["stauts"], "did you mean status?"),
        (["recs"], "one of the arguments USER --new-users is required"),
        (["recs", "u", "--new-users"], "not allowed with argument"),
        (["similar", "t", "--limit", "0"], "argument --limit: '0' is not a whole number from 1 to 10000"),
        (["rejects", "20.11.2026"], "argument DAY: '20.11.2026' is not a day (YYYY-MM-DD): write it like 2026-11-20"),
        (["status", "2026-13-45"], "'2026-13-45' is not a day"),
        (["why", "u"], "the following arguments are required: TRACK"),
    ],
)
def test_wrong_usage_is_2_and_says_how_to_go_on(capsys, arguments, said):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    error = capsys.readouterr().err
    assert said in error
    assert "--help" in error


def test_help_is_lean_and_names_every_command():
    script = "import sys; sys.argv = ['nightjar', '--help']\n"
    script += "import atexit; atexit.register(lambda: print(len(sys.modules), *sorted(sys.modules)))\n"
    script += "from nightjar.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", script], env=ENVIRONMENT, capture_output=True, text=True, timeout=300, check=True
    )
    *_, modules = done.stdout.splitlines()
    for name in ("status", "rejects", "similar", "duplicates", "recs", "why", "publish", "rerun"):
        assert f"\n    {name}" in done.stdout
    heavy = {"boto3", "pyarrow", "duckdb", "numpy", "pandas", "pymilvus", "redis", "rich", "airflow"}
    assert not heavy & set(modules.split())


def test_a_reader_that_closes_early_gets_no_traceback(tmp_path):
    script = (
        "import nightjar.cli as cli, nightjar.cli.output as output, sys, types\n"
        "module = types.ModuleType('nightjar.cli.status')\n"
        "rows = [('x' * 1000,)] * 1000\n"
        "module.run = lambda settings, arguments: output.Answer({}, [output.Section('t', ('a',), rows)])\n"
        "sys.modules['nightjar.cli.status'] = module\n"
        "sys.exit(cli.main(['status']))\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        env=ENVIRONMENT | {"NIGHTJAR_MODEL": "m-1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    process.stdout.read(10)
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait(300) == 0
