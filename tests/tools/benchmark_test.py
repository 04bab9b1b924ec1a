"""`python -m tools.benchmark`, from the command to its files."""

from __future__ import annotations

from tests.tools import commands, one_process

SETTINGS = {
    "what": "input",
    "space": "nasbench201",
    "num_cells": 1,
    "init_channels": 2,
    "image_size": 8,
    "patch_size": 4,
    "batch_size": 4,
    "steps": 1,
    "repeats": 2,
}
BAD = {
    "--what=time": "--what=time",
    "--against=plane": "--against=plane",
    "--space=nas": "--space: Unknown search space 'nas'",
    "--patch_size=5": "--patch_size=5",
}


def test_the_tool_prints_a_table_and_explains_bad_input(tmp_path):
    good = commands.to_flags(
        {**SETTINGS, "against": "batch_size=8", "output_dir": tmp_path}
    )
    cases = [("", good)]
    cases += [("", [*commands.to_flags(SETTINGS), bad]) for bad in BAD]
    (code, out, err), *failed = one_process.run("benchmark", cases)
    assert code == 0, err
    assert "| input | batch_size=8 |" in out
    assert (tmp_path / "benchmark.json").is_file()
    for (code, _, err), words in zip(failed, BAD.values(), strict=True):
        assert code == 2, err
        assert words in err
        assert "Traceback" not in err
