"""Tests of `tools.prepare_data`, without a network."""

import importlib.util
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest
import tensorflow_datasets as tfds
from absl.testing import flagsaver

from maenas_tf.data.sources import load_images
from tools import prepare_data

ROOT = pathlib.Path(__file__).resolve().parents[2]


class TinyDrawings(tfds.core.GeneratorBasedBuilder):
    """Three images made in place; registered under tiny_drawings."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(
                {"image": tfds.features.Image(shape=(8, 8, 3))}
            )
        )

    def _split_generators(self, dl_manager):
        del dl_manager
        return {"train": self._generate_examples()}

    def _generate_examples(self):
        for index in range(3):
            yield index, {"image": np.full((8, 8, 3), index, np.uint8)}


class TinyManual(TinyDrawings):
    """As above, but from files that the user must fetch."""

    MANUAL_DOWNLOAD_INSTRUCTIONS = "Fetch drawings.zip by hand."

    def _split_generators(self, dl_manager):
        raise AssertionError(f"Needs {dl_manager.manual_dir}")


class TinyBroken(TinyDrawings):
    """As above, but the download fails."""

    def _split_generators(self, dl_manager):
        raise ConnectionError("no network")


@pytest.fixture
def run(capsys):
    """Runs the tool in this process; returns exit code and output."""
    # absl's flags are not parsed under pytest; the flag saver needs them so.
    if not prepare_data.flags.FLAGS.is_parsed():
        prepare_data.flags.FLAGS.mark_as_parsed()

    def call(dataset, data_dir=""):
        with flagsaver.flagsaver(dataset=dataset, data_dir=str(data_dir)):
            code = prepare_data.main(["prepare_data"])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def test_prepared_data_can_be_loaded_and_is_not_prepared_twice(run, tmp_path):
    code, out, _ = run("tiny_drawings", tmp_path)
    assert code == 0
    assert "Prepared tiny_drawings in" in out
    made = load_images(
        "tiny_drawings", data_dir=str(tmp_path), with_labels=False
    )
    assert sorted(made.images[:, 0, 0, 0].tolist()) == [0, 1, 2]
    code, out, _ = run("tiny_drawings", tmp_path)
    assert code == 0
    assert "prepared already" in out


@pytest.mark.parametrize("name", ["digits", "folder"])
def test_sources_without_downloads_need_nothing(run, name):
    assert run(name) == (0, f"{name} needs no preparation.\n", "")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("cifr10", "--dataset=cifr10 is not known"),
        (None, "--dataset is missing"),
        ("tiny_manual", "Fetch drawings.zip by hand"),
    ],
)
def test_bad_input_exits_with_2_and_one_line(run, tmp_path, name, message):
    code, _, err = run(name, tmp_path)
    assert code == 2
    assert message in err
    assert "Traceback" not in err


def test_missing_importlib_resources_is_named(run, tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    code, _, err = run("tiny_drawings", tmp_path)
    assert code == 2
    assert "pip install importlib_resources" in err
    assert not os.listdir(tmp_path)


def test_failed_download_exits_with_1(run, tmp_path):
    code, _, err = run("tiny_broken", tmp_path)
    assert code == 1
    assert "Preparing tiny_broken failed: no network" in err


def test_command_line_reports_an_unknown_name():
    environment = {
        k: v for k, v in os.environ.items() if k != "TF_CPP_MIN_LOG_LEVEL"
    }
    result = subprocess.run(
        [sys.executable, "-m", "tools.prepare_data", "--dataset=cifr10"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 2
    # Nothing else is said, by TensorFlow either.
    (said,) = result.stderr.splitlines()
    assert "--dataset=cifr10 is not known" in said
