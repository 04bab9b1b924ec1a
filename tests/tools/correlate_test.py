"""`python -m tools.correlate`, from the command to its files."""

from __future__ import annotations

import pytest

from tests.tools import commands, one_process

SETTINGS = {
    "dataset": "digits",
    "image_size": 8,
    "patch_size": 4,
    "decoder": "linear",
    "init_channels": 2,
    "num_architectures": 2,
    "at_steps": "1,3",
    "batch_size": 4,
    "held_out_images": 8,
    "max_images": 32,
    "resamples": 50,
}
# As if a signal came before the first step; and as usual again.
STOP = """
from maenas_tf.engine import signals
class Stopped(signals.SignalWatch):
    received = property(lambda self: "SIGTERM", lambda self, value: None)
signals.kept = signals.SignalWatch
signals.SignalWatch = Stopped
"""
GO_ON = """
from maenas_tf.engine import signals
signals.SignalWatch = signals.kept
"""
BAD = {
    "--task=maee": "--task: Unknown task 'maee'",
    "--at_steps=5,5": "--at_steps=5,5",
    "--space=darts": "space",
    "--held_out_images=20": "--held_out_images=20",
    "--benchmark=x": "--benchmark=x",
}


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """A stopped run, the same command again, from its flags; bad input."""
    folder = tmp_path_factory.mktemp("correlate")
    run = commands.to_flags({**SETTINGS, "run_dir": folder / "run"})
    bad = commands.to_flags({**SETTINGS, "run_dir": folder / "bad"})
    cases = [
        (STOP, run),
        (GO_ON, run),
        ("", [f"--flagfile={folder / 'run' / 'flags.txt'}"]),
        *(("", [*bad, flag]) for flag in BAD),
    ]
    return folder, one_process.run("correlate", cases)


def test_a_signal_stops_it_with_code_3_and_the_same_command_goes_on(results):
    _, ((code, _, error), (second, out, _), *_) = results
    assert code == 3
    assert error.splitlines()[-1].endswith("the same command goes on.")
    assert "stopped by SIGTERM" in error
    assert second == 0
    assert "| macs | 2 |" in out


def test_it_leaves_its_files_and_its_flags_are_the_command(results):
    folder, (_, first, again, *_) = results
    for name in (
        "config.json",
        "flags.txt",
        "losses.csv",
        "correlation.csv",
        "correlation.md",
        "summary.json",
        "plots/tau_by_steps.png",
    ):
        assert (folder / "run" / name).stat().st_size > 0
    assert again[0] == 0, again[2]
    assert again[1] == first[1]


@pytest.mark.parametrize("flag", BAD)
def test_bad_input_ends_in_one_sentence(results, flag):
    _, outcomes = results
    code, _, error = outcomes[3 + list(BAD).index(flag)]
    assert code == 2
    assert BAD[flag] in error
    assert error.count("\n") == 1
