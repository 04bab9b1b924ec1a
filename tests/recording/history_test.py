"""Tests of `maenas_tf.recording.history`."""

import math

import numpy as np
import pytest

from maenas_tf.config import ConfigError
from maenas_tf.recording.history import History
from maenas_tf.runs.csv_files import read_rows
from maenas_tf.runs.run_directory import RunDirectory
from maenas_tf.searching.config import SearchConfig


def append(history, epoch, value=None):
    """Adds an epoch whose weights are all `value`."""
    value = epoch if value is None else value
    history.append_arrays({"weights_cell": np.full((6, 5), value, np.float32)})
    history.append_row({"epoch": epoch, "loss": 0.5 / (epoch + 1)})


@pytest.fixture
def run(tmp_path):
    """A run directory with three epochs."""
    run = RunDirectory(tmp_path, SearchConfig(space="nasbench201"))
    history = History()
    for epoch in range(3):
        append(history, epoch)
        history.write(run)
    yield run
    run.close()


def test_epochs_are_written_to_history_and_alphas(run):
    rows, arrays = run.read_history()
    assert [row["epoch"] for row in rows] == ["0", "1", "2"]
    assert arrays["weights_cell"].shape == (3, 6, 5)
    assert arrays["weights_cell"][:, 0, 0].tolist() == [0, 1, 2]


def test_an_epoch_whose_checkpoint_is_missing_is_written_again(run):
    # Killed after the row of epoch 2, before its checkpoint.
    history = History()
    history.resume(run, 2)
    assert [int(row["epoch"]) for row in history.rows] == [0, 1]
    append(history, 2, 7)
    history.write(run)
    rows = read_rows(run.path / "history.csv")
    assert [row["epoch"] for row in rows] == ["0", "1", "2"]
    stacked = history.stacked_arrays()["weights_cell"]
    assert stacked[:, 0, 0].tolist() == [0, 1, 7]


def test_an_epoch_whose_alphas_are_missing_is_written_again(run):
    # Killed between history.csv and alphas.npz of epoch 1.
    text = (run.path / "history.csv").read_text()
    history = History()
    append(history, 0)
    history.write(run)
    (run.path / "history.csv").write_text(text)
    history = History()
    history.resume(run, 1)
    append(history, 1)
    assert [int(row["epoch"]) for row in history.rows] == [0, 1]
    assert len(history.stacked_arrays()["weights_cell"]) == 2


def test_arrays_are_taken_up_only_where_they_are_asked_for(run):
    (run.path / "alphas.npz").unlink()
    history = History()
    history.resume(run, 3, with_arrays=False)
    assert len(history.rows) == 3
    assert history.stacked_arrays() == {}


def test_a_run_without_an_epoch_needs_no_history(run):
    (run.path / "history.csv").unlink()
    history = History()
    history.resume(run, 0)
    assert history.rows == []
    assert history.stacked_arrays() == {}


def test_values_come_back_as_they_were(run):
    history = History()
    wanted = [
        {
            "epoch": epoch,
            "loss": 0.1 + epoch / 3,
            "rate": 1e-05,
            "whole": 5.0,
            "lost": math.inf,
            "alpha_loss": "" if epoch < 2 else 0.25,
            # That of a space whose genotypes are digits.
            "genotype": "22212220",
        }
        for epoch in range(3)
    ]
    for row in wanted:
        history.append_row(row)
    history.write(run)
    text = (run.path / "history.csv").read_text()
    again = History()
    again.resume(run, 3, with_arrays=False)
    assert again.rows == wanted
    kinds = [[type(value) for value in row.values()] for row in again.rows]
    assert kinds == [[type(v) for v in row.values()] for row in wanted]
    again.write(run)
    assert (run.path / "history.csv").read_text() == text


@pytest.mark.parametrize("short", ["history.csv", "alphas.npz"])
def test_fewer_epochs_than_the_checkpoint_has_seen_are_an_error(run, short):
    rows, arrays = run.read_history()
    if short == "history.csv":
        rows = rows[:2]
    else:
        arrays = {name: stack[:2] for name, stack in arrays.items()}
    run.write_history(rows, arrays)
    with pytest.raises(ConfigError, match="fewer than the 3 epochs"):
        History().resume(run, 3)
