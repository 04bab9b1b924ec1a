"""Tests of `maenas_tf.runs.run_directory`."""

import csv
import json
import os

import numpy as np
import pytest

from maenas_tf.config import ConfigError, SearchConfig
from maenas_tf.runs.run_directory import RunDirectory
from maenas_tf.spaces import PUBLISHED, load_genotype

CONFIG = SearchConfig(space="s1", nesterov=True, weight_decay=1.1e-4)


def open_run(path, config=CONFIG, **options):
    """Opens a run directory, writes its configuration and closes it."""
    run = RunDirectory(path, config, **options)
    run.write_config(config)
    run.close()
    return run


def row(epoch):
    """Returns a row of history.csv."""
    return {"epoch": epoch, "loss": 0.5 / (epoch + 1), "genotype": "a,b|c"}


def arrays(epoch):
    """Returns the arrays of an epoch."""
    return {"weights_cell": np.full((6, 5), epoch, np.float32)}


def read_rows(path):
    """Returns history.csv."""
    with open(path / "history.csv", newline="") as file:
        return list(csv.DictReader(file))


def fill(path, epochs):
    """Writes so many epochs, closes the run and returns it."""
    run = RunDirectory(path, CONFIG)
    for epoch in range(epochs):
        run.append_arrays(arrays(epoch))
        run.append_epoch(row(epoch))
    run.close()
    return run


def test_missing_directories_are_made(tmp_path):
    run = open_run(tmp_path / "a" / "b")
    assert (run.path / "config.json").exists()
    assert run.subdirectory("plots").is_dir()
    assert run.subdirectory("plots") == run.path / "plots"


def test_config_and_flags_say_the_same(tmp_path):
    run = open_run(tmp_path / "run")
    text = (run.path / "config.json").read_text()
    assert SearchConfig.from_json(text) == CONFIG
    lines = (run.path / "flags.txt").read_text().splitlines()
    assert lines[0] == f"--run_dir={run.path}"
    assert "--space=s1" in lines
    assert "--nesterov" in lines
    assert "--nojit_compile" in lines
    assert "--weight_decay=0.00011" in lines
    assert len(lines) == 1 + len(json.loads(text))


def test_the_same_configuration_may_go_on(tmp_path):
    open_run(tmp_path)
    open_run(tmp_path)


def test_another_configuration_is_refused_and_the_flags_named(tmp_path):
    open_run(tmp_path)
    other = CONFIG.replace(epochs=7, space="s2")
    with pytest.raises(ConfigError) as caught:
        RunDirectory(tmp_path, other)
    assert "--space=s2 (there: s1)" in str(caught.value)
    assert "--epochs=7 (there: 50)" in str(caught.value)
    assert "seed" not in str(caught.value)


def test_a_run_is_refused_without_resume_and_an_empty_directory_is_not(
    tmp_path,
):
    open_run(tmp_path, resume=False)
    with pytest.raises(ConfigError, match="holds a run already"):
        RunDirectory(tmp_path, CONFIG, resume=False)


def test_two_runs_cannot_share_a_directory(tmp_path):
    first = RunDirectory(tmp_path, CONFIG)
    with pytest.raises(ConfigError, match="in use"):
        RunDirectory(tmp_path, CONFIG)
    first.close()
    RunDirectory(tmp_path, CONFIG).close()


def test_a_refused_run_does_not_keep_the_directory(tmp_path):
    open_run(tmp_path)
    # The exception holds on to the object that could not be made.
    with pytest.raises(ConfigError) as caught:
        RunDirectory(tmp_path, CONFIG.replace(seed=3))
    RunDirectory(tmp_path, CONFIG).close()
    assert "--seed=3" in str(caught.value)


@pytest.mark.parametrize("text", ["", "{", "[1]", "null", '{"space": 3}'])
def test_a_malformed_configuration_is_a_config_error(tmp_path, text):
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(ConfigError, match="config.json that cannot be read"):
        RunDirectory(tmp_path, CONFIG)


@pytest.mark.parametrize("name", ["file", "file/below"])
def test_a_path_that_cannot_be_written_is_a_config_error(tmp_path, name):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=f"{name} cannot be written"):
        RunDirectory(tmp_path / name, CONFIG)


def test_an_empty_path_is_not_the_current_directory():
    with pytest.raises(ConfigError, match="--run_dir is empty"):
        RunDirectory("", CONFIG)


def test_files_are_replaced_at_once_or_not_at_all(tmp_path, monkeypatch):
    run = RunDirectory(tmp_path, CONFIG)
    run.write_text("a.txt", "old")

    def fail(*arguments):
        raise OSError("the process died here")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="died"):
        run.write_text("a.txt", "new")
    assert (tmp_path / "a.txt").read_text() == "old"
    monkeypatch.undo()
    run.write_text("a.txt", "new")
    assert (tmp_path / "a.txt").read_text() == "new"


def test_epochs_are_added_to_history_and_alphas(tmp_path):
    fill(tmp_path, 2)
    rows = read_rows(tmp_path)
    assert rows == [{k: str(v) for k, v in row(e).items()} for e in (0, 1)]
    with np.load(tmp_path / "alphas.npz") as stored:
        assert stored["weights_cell"].shape == (2, 6, 5)
        assert stored["weights_cell"][1, 0, 0] == 1


def test_an_epoch_whose_checkpoint_is_missing_is_written_again(tmp_path):
    # Killed after the row of epoch 2, before its checkpoint.
    fill(tmp_path, 3)
    run = RunDirectory(tmp_path, CONFIG)
    run.load_history(2)
    assert [int(r["epoch"]) for r in run.rows] == [0, 1]
    run.append_arrays(arrays(7))
    run.append_epoch(row(2))
    assert [r["epoch"] for r in read_rows(tmp_path)] == ["0", "1", "2"]
    stacked = run.stacked_arrays()["weights_cell"]
    assert stacked[:, 0, 0].tolist() == [0, 1, 7]


def test_an_epoch_whose_alphas_are_missing_is_written_again(tmp_path):
    # Killed between history.csv and alphas.npz of epoch 1.
    fill(tmp_path, 2)
    history = (tmp_path / "history.csv").read_bytes()
    fill(tmp_path, 1)
    (tmp_path / "history.csv").write_bytes(history)
    run = RunDirectory(tmp_path, CONFIG)
    run.load_history(1)
    run.append_arrays(arrays(1))
    run.append_epoch(row(1))
    assert [r["epoch"] for r in read_rows(tmp_path)] == ["0", "1"]
    assert len(run.stacked_arrays()["weights_cell"]) == 2


def test_a_run_without_an_epoch_needs_no_history(tmp_path):
    run = RunDirectory(tmp_path, CONFIG)
    run.load_history(0)
    assert run.rows == []
    assert run.stacked_arrays() == {}


@pytest.mark.parametrize("name", ["history.csv", "alphas.npz"])
@pytest.mark.parametrize("damage", ["missing", "empty", "short"])
def test_a_damaged_history_is_a_config_error(tmp_path, name, damage):
    fill(tmp_path, 2)
    if damage == "missing":
        (tmp_path / name).unlink()
    elif damage == "empty":
        (tmp_path / name).write_bytes(b"")
    run = RunDirectory(tmp_path, CONFIG)
    with pytest.raises(ConfigError, match="history.csv or alphas.npz"):
        run.load_history(3 if damage == "short" else 2)


def test_genotype_and_summary_can_be_read_back(tmp_path):
    run = RunDirectory(tmp_path, CONFIG)
    assert run.read_summary() is None
    run.write_genotype(PUBLISHED["DARTS_V2"])
    run.write_summary({"steps": 4})
    assert load_genotype(tmp_path) == PUBLISHED["DARTS_V2"]
    assert run.read_summary() == {"steps": 4}
