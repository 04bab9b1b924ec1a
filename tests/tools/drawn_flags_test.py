"""Flags and flag files of any content end a tool in one sentence, or pass."""

import subprocess
import sys

import pytest

from tests.drawn.cases import numbers_of_cases
from tests.tools import commands, drawn_flags


@numbers_of_cases(60)
@pytest.mark.parametrize("tool", drawn_flags.CONFIGS)
def test_any_flags_are_taken_or_refused_in_a_sentence(tool, cases):
    command = ["-m", "tests.tools.drawn_flags", tool, str(cases)]
    done = subprocess.run(
        [sys.executable, *command],
        cwd=commands.ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=3600,
    )
    assert done.returncode == 0, done.stderr
