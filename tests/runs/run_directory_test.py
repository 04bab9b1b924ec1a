"""Tests of `maenas_tf.runs.run_directory`."""

import json
import os

import numpy as np
import pytest

from maenas_tf.config import ConfigError
from maenas_tf.runs import files
from maenas_tf.runs.run_directory import RunDirectory
from maenas_tf.searching.config import SearchConfig
from maenas_tf.spaces import PUBLISHED, load_genotype

CONFIG = SearchConfig(space="s1", nesterov=True, weight_decay=1.1e-4)


def open_run(path, config=CONFIG, **options):
    """Opens a run directory, writes its configuration and closes it."""
    run = RunDirectory(path, config, **options)
    run.write_config(config)
    run.close()
    return run


def test_missing_directories_are_made(tmp_path):
    run = open_run(tmp_path / "a" / "b")
    assert (run.path / "config.json").exists()
    run.write_text("plots/a.txt", "a")
    assert (run.path / "plots" / "a.txt").read_text() == "a"


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


def test_a_folder_of_the_images_is_refused(tmp_path):
    (tmp_path / "data" / "cat").mkdir(parents=True)
    (tmp_path / "data" / "cat" / "a.png").touch()
    config = CONFIG.replace(dataset="folder", data_dir=f"{tmp_path}/data")
    for name in ("data", "data/cat"):
        with pytest.raises(ConfigError, match="--run_dir=.* holds images of"):
            open_run(tmp_path / name, config)
    assert sorted(os.listdir(tmp_path / "data")) == ["cat"]
    for name in ("data/run", "data/run"):
        open_run(tmp_path / name, config)


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


def test_a_history_can_be_read_back_with_its_arrays_or_without(tmp_path):
    run = RunDirectory(tmp_path, CONFIG)
    rows = [{"epoch": 0, "genotype": "a,b|c"}, {"epoch": 1, "loss": 0.5}]
    stack = np.arange(60, dtype=np.float32).reshape(2, 6, 5)
    run.write_history(rows, {"weights_cell": stack})
    found, arrays = run.read_history()
    assert found == [
        {"epoch": "0", "genotype": "a,b|c", "loss": ""},
        {"epoch": "1", "genotype": "", "loss": "0.5"},
    ]
    np.testing.assert_array_equal(arrays["weights_cell"], stack)
    assert run.read_history(with_arrays=False) == (found, {})


def test_a_run_without_arrays_writes_no_file_of_them(tmp_path):
    RunDirectory(tmp_path, CONFIG).write_history([{"epoch": 0}], {})
    assert not (tmp_path / files.ALPHAS).exists()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (files.HISTORY, None),
        (files.HISTORY, b"\xff\xfe"),
        (files.ALPHAS, None),
        (files.ALPHAS, b""),
        (files.ALPHAS, b"torn"),
    ],
)
def test_a_damaged_history_is_a_config_error(tmp_path, name, content):
    run = RunDirectory(tmp_path, CONFIG)
    run.write_history([{"epoch": 0}], {"weights_cell": np.zeros((1, 6, 5))})
    (tmp_path / name).unlink()
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ConfigError, match="history.csv or alphas.npz"):
        run.read_history()


def test_genotype_and_summary_can_be_read_back(tmp_path):
    run = RunDirectory(tmp_path, CONFIG)
    assert run.read_summary() is None
    run.write_genotype(PUBLISHED["DARTS_V2"])
    run.write_summary("search", {"steps": 4})
    assert load_genotype(tmp_path) == PUBLISHED["DARTS_V2"]
    assert run.read_summary() == {"kind": "search", "steps": 4}
