"""A killed search goes on as if nothing had happened.

Processes are really killed; the same command then continues, and what it ends
with is compared bit by bit with a search that was left in peace.
"""

import csv
import io
import json
import signal
import time

import numpy as np
import pytest
import tensorflow as tf

from maenas_tf.engine.signals import Interrupted, SignalWatch
from maenas_tf.searching.experiment import SearchExperiment
from tests.tools import commands, one_process

# 30 steps an epoch: the first two are calls of the graph of their own, the
# rest is one.
SETTINGS = {**commands.TINY, "max_images": 240, "batch_size": 4, "epochs": 4}


def start(run_dir, *arguments):
    """Starts the search; its stdout and stderr are read at the end."""
    flags = commands.to_flags({**SETTINGS, "run_dir": run_dir})
    return commands.start("search", *flags, *arguments)


def last_checkpoint(run_dir):
    """Returns the number of the last checkpoint, 0 for none."""
    path = tf.train.latest_checkpoint(str(run_dir / "checkpoints"))
    return int(path.rpartition("-")[2]) if path else 0


def wait_for_checkpoints(process, run_dir, count):
    """Waits until so many more checkpoints are there than now."""
    before = last_checkpoint(run_dir)
    deadline = time.monotonic() + 600
    while last_checkpoint(run_dir) < before + count:
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            raise RuntimeError(f"no checkpoint came: {process.communicate()}")
        time.sleep(0.005)


def stop(process, number):
    """Sends a signal; returns exit code and stderr."""
    process.send_signal(number)
    _, error = process.communicate(timeout=600)
    return process.returncode, error


def add_an_epoch_without_checkpoint(run_dir):
    """Leaves what a kill between an epoch's files and its checkpoint does."""
    rows = commands.history(run_dir)
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows([*rows, {**rows[-1], "epoch": len(rows)}])
    (run_dir / "history.csv").write_text(text.getvalue())
    arrays = {
        name: np.concatenate([stack, stack[-1:]])
        for name, stack in commands.alphas(run_dir).items()
    }
    np.savez(run_dir / "alphas.npz", **arrays)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("resume")


@pytest.fixture(scope="module")
def undisturbed(folder):
    """The directory of a search that nothing interrupted."""
    run_dir = folder / "undisturbed"
    out, error = start(run_dir).communicate(timeout=600)
    assert "Found in" in out, error
    return run_dir


@pytest.fixture(scope="module")
def disturbed(folder):
    """The directory of a search that was stopped in every way, and a log.

    The log has one entry for each stop: its name, exit code, stderr and the
    counters of the checkpoint that it left.
    """
    run_dir = folder / "disturbed"
    log = {}

    def interrupt(name, number, checkpoints, *arguments):
        process = start(run_dir, *arguments)
        wait_for_checkpoints(process, run_dir, checkpoints)
        code, error = stop(process, number)
        log[name] = code, error, commands.checkpoint(run_dir)[0]

    # The first checkpoint is that before the first step.
    often = "--checkpoint_minutes=0"
    interrupt("killed amid an epoch", signal.SIGKILL, 2, often)
    interrupt("terminated", signal.SIGTERM, 1, often)
    interrupt("killed after an epoch", signal.SIGKILL, 1)
    add_an_epoch_without_checkpoint(run_dir)
    interrupt("interrupted", signal.SIGINT, 1, often)
    out, error = start(run_dir).communicate(timeout=600)
    log["ended"] = out, error, commands.checkpoint(run_dir)[0]
    return run_dir, log


def test_alphas_and_variables_are_bit_identical(undisturbed, disturbed):
    expected = commands.alphas(undisturbed)
    found = commands.alphas(disturbed[0])
    assert expected.keys() == found.keys()
    for name, stack in expected.items():
        assert len(stack) == SETTINGS["epochs"]
        assert stack.tobytes() == found[name].tobytes(), name
    state, expected = commands.checkpoint(undisturbed)
    assert (state["epoch"], state["step"]) == (SETTINGS["epochs"], 0)
    assert len(expected) > 50
    _, found = commands.checkpoint(disturbed[0])
    assert expected.keys() == found.keys()
    assert [name for name in expected if expected[name] != found[name]] == []


def test_history_has_every_epoch_once_with_the_same_figures(
    undisturbed, disturbed
):
    expected = commands.history(undisturbed)
    found = commands.history(disturbed[0])
    assert [row["epoch"] for row in found] == ["0", "1", "2", "3"]
    for one, other in zip(expected, found, strict=True):
        assert one.keys() == other.keys()
        assert one["genotype"] == other["genotype"]
        # Sums of losses may be taken in another order.
        for name in ("weight_loss", "alpha_loss", "entropy_cell"):
            assert float(one[name]) == pytest.approx(float(other[name]))
    genotypes = [
        (run_dir / "genotype.json").read_text()
        for run_dir in (undisturbed, disturbed[0])
    ]
    assert genotypes[0] == genotypes[1]


@pytest.mark.parametrize("name", ["terminated", "interrupted"])
def test_a_signal_ends_with_a_checkpoint_code_3_and_a_sentence(disturbed, name):
    code, error, state = disturbed[1][name]
    assert code == 3, error
    assert "Traceback" not in error
    message = error.splitlines()[-1]
    number = {"terminated": "SIGTERM", "interrupted": "SIGINT"}[name]
    assert f"stopped by {number} in epoch {state['epoch'] + 1}" in message
    assert f"after step {state['step']} of 30" in message
    assert "checkpoints/ckpt-" in message
    assert "the same command goes on" in message


def test_the_stops_were_where_they_were_meant(disturbed):
    log = disturbed[1]
    states = {name: entry[2] for name, entry in log.items()}
    assert log["killed amid an epoch"][0] == -signal.SIGKILL
    assert states["killed amid an epoch"]["step"] > 0
    assert log["killed after an epoch"][0] == -signal.SIGKILL
    assert states["killed after an epoch"]["epoch"] > 0
    assert states["killed after an epoch"]["step"] == 0
    for name in ("terminated", "interrupted"):
        assert states[name]["step"] > 0
    places = [(state["epoch"], state["step"]) for state in states.values()]
    assert places == sorted(places)
    assert places[-2][0] < SETTINGS["epochs"], "it was too late to disturb it"
    assert "going on after" in log["ended"][0], log["ended"]


def test_random_layers_and_optimizers_go_on_too(tmp_path):
    # s4 has noise among its candidates; the token has a variable of its own.
    config = commands.search_config(
        space="s4",
        num_cells=3,
        epochs=1,
        max_images=32,
        batch_size=4,
        mask_fill="token",
    )
    SearchExperiment(config, tmp_path / "whole").run()
    signals = SignalWatch()
    signals.received = "SIGTERM"
    broken = SearchExperiment(config, tmp_path / "broken", signals=signals)
    with pytest.raises(Interrupted):
        broken.run()
    assert commands.checkpoint(tmp_path / "broken")[0]["step"] == 1
    signals.received = None
    SearchExperiment(config, tmp_path / "broken").run()
    whole, broken = (
        commands.checkpoint(tmp_path / name)[1] for name in ("whole", "broken")
    )
    assert [name for name in whole if whole[name] != broken[name]] == []
    assert any("token" in name for name in whole)


def test_a_loss_that_is_not_finite_keeps_the_last_good_state(tmp_path):
    run_dir = tmp_path / "run"
    command = [
        *commands.to_flags({**commands.TINY, "run_dir": run_dir}),
        "--weight_learning_rate=1e30",
        "--clip_norm=0",
    ]
    case = ("", command)
    first, second = one_process.run("search", [case, case])
    for code, _, error in (first, second):
        assert code == 4, error
        message = error.splitlines()[-1]
        assert "is not finite in epoch 1, step 2 of 4" in message
        assert "the last good state is" in message
        assert "--weight_learning_rate" in message
        assert "Traceback" not in error
    # It goes on from there, and meets the same end.
    assert second[2].splitlines()[-1] == first[2].splitlines()[-1]
    path = tf.train.latest_checkpoint(str(run_dir / "checkpoints"))
    assert path in first[2]
    reader = tf.train.load_checkpoint(path)
    for name, dtype in reader.get_variable_to_dtype_map().items():
        if dtype.is_floating:
            assert np.isfinite(reader.get_tensor(name)).all(), name
    state, _ = commands.checkpoint(run_dir)
    assert (state["epoch"], state["step"]) == (0, 0)
    assert json.loads((run_dir / "config.json").read_text())["clip_norm"] == 0
