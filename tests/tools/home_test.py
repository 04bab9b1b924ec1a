"""Tests that every path may begin with ~, whichever door it comes in by."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from maenas_tf.config import ConfigError
from maenas_tf.correlation.weight_sharing import SharedWeights
from maenas_tf.data.sources import load_images
from maenas_tf.data.tfds_builder import make_builder
from maenas_tf.executors.local import LocalExecutor
from maenas_tf.reports.report import Report
from maenas_tf.runs.run_directory import RunDirectory
from maenas_tf.runs.run_reader import find_run_directories
from maenas_tf.searching.config import SearchConfig
from maenas_tf.searching.consensus import Consensus
from maenas_tf.serving.export import check_output_dir
from maenas_tf.serving.predict import (
    find_images,
    find_saved_model,
    predict,
)
from maenas_tf.spaces import PUBLISHED, load_genotype
from maenas_tf.sweeps.sweep import Sweep
from maenas_tf.timing.config import BenchmarkConfig
from maenas_tf.timing.machine import machine
from maenas_tf.timing.report import write_report
from maenas_tf.training.trained_run import load_trained
from tests.runs import records

V2 = PUBLISHED["DARTS_V2"]


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home directory; nothing is to be made outside of it."""
    away = tmp_path / "away"
    away.mkdir()
    monkeypatch.chdir(away)
    monkeypatch.setenv("HOME", str(tmp_path))
    yield tmp_path
    assert not list(away.iterdir())


def test_runs_are_written_there(home):
    RunDirectory("~/run", SearchConfig()).close()
    assert (home / "run").is_dir()
    sweep = Sweep([], "~/sweep", LocalExecutor(), None)
    assert sweep.directory == home / "sweep"
    Consensus(V2, {}, {}, {}, 0, 0.0, {}).write("~/consensus")
    assert load_genotype("~/consensus") == V2


def test_runs_are_read_there(home):
    with pytest.raises(ConfigError, match=f"--run_dir={home}/none does not"):
        load_trained("~/none")
    with pytest.raises(ConfigError, match=f"names {home}/none, which"):
        SharedWeights("~/none", "nasbench201", 8)
    for name in ("a", "b"):
        (home / "runs" / name).mkdir(parents=True)
        (home / "runs" / name / "config.json").touch()
    expected = [home / "runs" / "a", home / "runs" / "b"]
    assert find_run_directories(["~/runs"]) == expected
    assert find_run_directories(["~/runs/?"]) == expected


def test_reports_are_written_there(home):
    side = {"images": 4, "seconds": [1.0], "cpu_seconds": [1.0]}
    report = {
        "when": "2026-01-01T00:00:00+00:00",
        "commit": "abc",
        "config": BenchmarkConfig(what="input").to_dict(),
        "versions": {"tensorflow": "9"},
        "machine": machine(),
        "results": {"input": [side]},
    }
    write_report(report, "~/benchmark")
    assert (home / "benchmark" / "benchmark.md").exists()
    Report([records.record("a")]).write("~/report")
    assert (home / "report" / "report.html").exists()


def test_images_and_models_are_found_there(home):
    (home / "pictures").mkdir()
    picture = home / "pictures" / "a.png"
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(picture)
    found = load_images("folder", data_dir="~/pictures", with_labels=False)
    assert found.num_images == 1
    assert find_images("~/pictures") == [picture]
    assert find_images("~/pictures/a.png") == [picture]
    (home / "model").mkdir()
    (home / "model" / "saved_model.pb").touch()
    assert find_saved_model("~/model") == home / "model"
    builder = make_builder("cifar10", "~/tfds")
    assert str(builder.data_path).startswith(f"{home}/tfds/")


def test_what_is_exported_and_predicted_is_written_there(home):
    assert check_output_dir("~/export") == home / "export"
    (home / "folder").mkdir()
    with pytest.raises(ConfigError, match="is no file"):
        predict("~/model", "~/pictures", "~/folder")


def test_a_genotype_is_read_there(home):
    (home / "mine.json").write_text(V2.to_json())
    assert load_genotype("~/mine.json") == V2
