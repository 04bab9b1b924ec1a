"""Tests of `maenas_tf.searching.alpha_hessian` on real supernets."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing import plugin_event_accumulator
from tensorboard.util import tensor_util

from maenas_tf.config import ConfigError
from maenas_tf.engine.devices import configure_runtime
from maenas_tf.engine.signals import Interrupted, SignalWatch
from maenas_tf.searching.alpha_hessian import AlphaHessian
from maenas_tf.searching.config import SearchConfig
from maenas_tf.searching.experiment import SearchExperiment
from maenas_tf.spaces import SPACES
from tests.searching.small import ONE_EDGE, make_batch, make_searcher, values
from tests.tools import commands

DECAY, PENALTY = 0.25, 0.5


def full_hessian(searcher, batch):
    """Returns the whole matrix by `tf.hessians` over the variables."""
    (alphas,) = searcher.alpha_variables

    @tf.function(autograph=False)
    def compute(value):
        with keras.StatelessScope(state_mapping=[(alphas, value)]):
            outputs = searcher(batch, training=True)
            losses = searcher.task.losses(batch, outputs)
        return tf.hessians(tf.reduce_mean(losses), value)[0]

    size = np.prod(alphas.shape)
    return compute(tf.convert_to_tensor(alphas)).numpy().reshape(size, size)


def penalty(values):
    """Adds as much to each eigenvalue."""
    return 0.5 * PENALTY * tf.reduce_sum(tf.square(values["alphas_cell"]))


def test_it_is_that_of_the_loss_that_the_alphas_descend():
    """The full matrix's on a real supernet, with decay and penalty."""
    configure_runtime(SearchConfig())  # no graph optimizer: it takes longer
    searcher = make_searcher(init_channels=4, alpha_weight_decay=DECAY)
    searcher.penalty, shift = penalty, DECAY + PENALTY
    batch = make_batch(searcher)["alphas"]
    (alphas,) = searcher.alpha_variables
    # Away from the start, where softmax makes all edges alike.
    alphas.assign(np.random.default_rng(0).normal(size=alphas.shape))
    config = SearchConfig(hessian_every=1)
    hessian = AlphaHessian(searcher, config, lambda: batch)
    before = values(searcher.variables)
    for _ in range(2):  # the second at other weights, by the same graph
        spectrum = np.linalg.eigvalsh(full_hessian(searcher, batch))
        largest = spectrum[np.argmax(np.abs(spectrum + shift))] + shift
        found = hessian.measure()
        assert found.converged
        assert abs(largest) > 1.01 * shift
        assert found.value == pytest.approx(largest, rel=1e-3)
        after = values(searcher.variables)
        for old, new in zip(before, after, strict=True):
            np.testing.assert_array_equal(old, new)
        for variable in searcher.weight_variables:
            variable.assign(1.5 * variable.value)
        before = values(searcher.variables)


SETTINGS = {"epochs": 3, "max_images": 32, "space": ONE_EDGE.name}


@pytest.fixture(scope="module")
def one_edge():
    """The space with one edge a cell: a third of the time to trace."""
    with SPACES.temporary(ONE_EDGE.name, ONE_EDGE):
        yield


@pytest.fixture(scope="module")
def runs(tmp_path_factory, one_edge):
    """Searches without and with the measurement, the latter also resumed."""
    folder = tmp_path_factory.mktemp("hessian")

    def experiment(name, every, signals=None):
        config = commands.search_config(hessian_every=every, **SETTINGS)
        return SearchExperiment(config, folder / name, signals=signals)

    for name, every in (("without", 0), ("with", 2)):
        experiment(name, every).run()
    signals = SignalWatch()
    stopped = experiment("resumed", 2, signals)
    end_epoch = stopped.loop.end_epoch

    def stop_in_the_last_epoch(epoch, *rest):
        end_epoch(epoch, *rest)
        if epoch == 1:
            signals.received = "SIGTERM"

    stopped.loop.end_epoch = stop_in_the_last_epoch
    with pytest.raises(Interrupted):
        stopped.run()
    experiment("resumed", 2).run()
    return folder


def column(run_dir, name):
    return [row[name] for row in commands.history(run_dir)]


def test_measuring_does_not_change_the_search(runs):
    without, with_it = (commands.alphas(runs / n) for n in ("without", "with"))
    assert with_it.keys() == without.keys()
    for name, array in without.items():
        assert np.ptp(array, axis=0).max() > 0
        np.testing.assert_array_equal(with_it[name], array)
    first, second = (commands.checkpoint(runs / n) for n in ("without", "with"))
    assert second[1] == first[1]  # every variable, bit by bit


def test_it_is_measured_every_so_many_epochs_and_after_the_last(runs):
    written = column(runs / "with", "hessian_eigenvalue")
    assert [bool(text) for text in written] == [False, True, True]
    assert np.isfinite([float(text) for text in written[1:]]).all()
    assert float(written[1]) != float(written[2])
    residuals = column(runs / "with", "hessian_residual")
    assert [bool(text) for text in residuals] == [False, True, True]
    assert "hessian_eigenvalue" not in commands.history(runs / "without")[0]


def test_a_resumed_search_measures_the_same_bits(runs):
    for name in ("hessian_eigenvalue", "hessian_residual", "alpha_loss"):
        assert column(runs / "resumed", name) == column(runs / "with", name)


def test_tensorboard_shows_it(runs):
    events = plugin_event_accumulator.EventAccumulator(
        str(runs / "with" / "tensorboard")
    ).Reload()
    shown = [
        (event.step, float(tensor_util.make_ndarray(event.tensor_proto)))
        for event in events.Tensors("hessian_eigenvalue")
    ]
    written = column(runs / "with", "hessian_eigenvalue")
    assert [step for step, _ in shown] == [1, 2]
    np.testing.assert_allclose(
        [value for _, value in shown],
        [float(text) for text in written[1:]],
        rtol=1e-6,
    )


def test_a_negative_number_of_epochs_is_refused():
    with pytest.raises(ConfigError, match="--hessian_every=-1"):
        SearchConfig(hessian_every=-1)


@pytest.mark.large
def test_two_replicas_measure_what_one_device_does(tmp_path):
    found = {}
    for strategy in ("one_device", "mirrored"):
        settings = {
            **commands.TINY,
            "run_dir": tmp_path / strategy,
            "hessian_every": 1,
            "strategy": strategy,
            "num_replicas": 2 if strategy == "mirrored" else 0,
        }
        code, _, error = commands.run("search", *commands.to_flags(settings))
        assert code == 0, error
        written = column(tmp_path / strategy, "hessian_eigenvalue")
        found[strategy] = [float(text) for text in written]
    np.testing.assert_allclose(
        found["mirrored"], found["one_device"], rtol=1e-3
    )
