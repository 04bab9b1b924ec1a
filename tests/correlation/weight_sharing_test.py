"""Tests of `maenas_tf.correlation.weight_sharing`, and of correlating by it."""

import fcntl
import json

import numpy as np
import pytest

from maenas_tf.config import ConfigError
from maenas_tf.correlation.config import CorrelateConfig
from maenas_tf.correlation.experiment import CorrelateExperiment
from maenas_tf.correlation.weight_sharing import SharedWeights
from maenas_tf.scores.held_out_loss import HeldOutLoss
from maenas_tf.searching.experiment import SearchExperiment
from maenas_tf.spaces.architectures import Architectures
from tests.searching.small import make_config

SEARCH = make_config(
    dataset="digits", image_size=8, max_images=24, epochs=1, decoder="linear"
)


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """A search of one epoch, and a correlation inside its supernet."""
    folder = tmp_path_factory.mktemp("sharing")
    search = SearchExperiment(SEARCH, folder / "search")
    search.run()
    config = CorrelateConfig(
        task="",
        supernets=str(folder / "search"),
        num_architectures=4,
        batch_size=4,
        held_out_images=8,
        resamples=50,
    )
    experiment = CorrelateExperiment(config, folder / "run")
    return search, experiment, experiment.run(), folder


def test_losses_are_those_of_the_weights_that_the_search_left(found):
    search, experiment, result, _ = found
    architectures = Architectures(search.space)
    weights = architectures.edge_weights(
        [architectures.choice(g) for g in experiment.architectures]
    )
    batches = search.data.judging(8)
    wanted = HeldOutLoss(search.searcher, batches)(weights)
    losses = [row["held_out_loss"] for row in result.rows]
    np.testing.assert_allclose(losses, wanted, rtol=1e-5)
    assert len(set(losses)) > 1


def test_rows_and_report_tell_what_was_judged(found):
    _, _, result, folder = found
    assert {row["task"] for row in result.rows} == {"mae inside search"}
    assert {row["step"] for row in result.rows} == {3}
    assert [c.name for c in result.comparisons] == [
        "mae inside search, 3 steps",
        "parameters",
        "macs",
    ]
    assert "supernet after 3 steps, mean over 8 images" in result.markdown
    assert "trained alone" not in result.markdown
    summary = json.loads((folder / "run" / "summary.json").read_text())
    assert summary["num_labels_read"] == 0
    assert (folder / "run" / "plots" / "tau_by_steps.png").is_file()


def test_a_search_that_is_going_on_can_be_read(found):
    folder = found[-1]
    files = {file.name for file in (folder / "search").rglob("*")}
    with open(folder / "search" / ".lock") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        shared = SharedWeights(folder / "search", "nasbench201", 8)
    assert shared.step == 3
    assert {file.name for file in (folder / "search").rglob("*")} == files


def test_what_is_no_search_is_refused(found, tmp_path):
    folder = found[-1]
    for path, words in (
        (tmp_path, "holds no search"),
        (folder / "run", "--supernets names"),
    ):
        with pytest.raises(ConfigError, match=words):
            SharedWeights(path, "nasbench201", 8)
    with pytest.raises(ConfigError, match="--space=nasbench201"):
        SharedWeights(folder / "search", "darts", 8)
    path = tmp_path / "started"
    path.mkdir()
    (path / "config.json").write_text(SEARCH.to_json())
    with pytest.raises(ConfigError, match="holds no checkpoint"):
        SharedWeights(path, "nasbench201", 8)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"task": ""}, "--supernets"),
        ({"supernets": "a/x,b/x"}, "different names"),
        ({"supernets": "a,,b"}, "--supernets=a,,b"),
    ],
)
def test_bad_settings_are_refused(settings, words):
    with pytest.raises(ConfigError, match=words):
        CorrelateConfig(**settings)
