"""`track-anything evaluate mot`: scores as JSON and as a table."""

import json
from collections.abc import Callable
from pathlib import Path

from click.testing import Result

Run = Callable[..., Result]


def test_scores_come_as_json_and_as_a_table(run: Run, tmp_path: Path) -> None:
    truth, results = tmp_path / "gt.txt", tmp_path / "tracks.txt"
    truth.write_text("1,1,0,0,10,10,1,1,1\n2,1,2,0,10,10,1,1,1\n2,9,80,80,10,10,0,8,1\n")
    results.write_text("1,5,0,0,10,10,0.9,-1,-1,-1\n2,6,2,0,10,10,0.9,-1,-1,-1\n")
    words = ("evaluate", "mot", "--results", results, "--truth", truth)
    scores = json.loads(run(*words, "--json").stdout)
    assert (scores["IDSW"], scores["MOTA"], scores["IDF1"]) == (1, 0.5, 0.5)
    lines = run(*words).stdout.splitlines()
    assert lines[0].split()[0] == "HOTA"
    assert lines[1].split()[1] == "1.000"


def test_a_line_that_is_none_is_one_line_and_exit_1(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "gt.txt"
    path.write_text("hello\n")
    result = run("evaluate", "mot", "--results", path, "--truth", path)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f"Error: {path}, line 1: expected FRAME,ID")
