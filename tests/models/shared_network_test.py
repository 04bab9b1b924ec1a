"""Tests of `maenas_tf.models.shared_network`."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest
import tensorflow as tf

from maenas_tf.models.shared_network import SharedNetwork, live_edges
from maenas_tf.scores import SCORES
from maenas_tf.scores.joint import JointScore
from maenas_tf.scores.recording import Recording
from maenas_tf.skeletons import NetworkSize
from maenas_tf.spaces import SPACES, Genotype
from tests.scores import networks

ALL_FED = "|nor_conv_3x3~0|+|avg_pool_3x3~0|nor_conv_1x1~1|+|skip_connect~0|"
ALL_FED += "nor_conv_3x3~1|nor_conv_1x1~2|"


def fed(space):
    if space == "nasbench201":
        return Genotype.from_string(ALL_FED)
    return networks.some(space)


@pytest.mark.parametrize(
    "space", ["nasbench201", "darts", "s1", "macro", "mobilenet"]
)
def test_a_network_is_that_of_keras_with_the_same_weights(space):
    start = networks.make_start(space)
    genotype = fed(space)
    alone = networks.stand_alone(start, genotype)
    recording = Recording(start.network, genotype, start.images)
    expected = networks.outputs(alone, start.images)
    for name, value in expected.items():
        found = recording._values[name]
        scale = np.abs(value).max()
        np.testing.assert_allclose(found, value, atol=2e-4 * scale)
    logits = alone(start.images, training=True)
    np.testing.assert_allclose(recording.logits, logits, atol=2e-3)
    # In the same order as well, but for what nothing reads.
    watched = networks.watch(alone, start.images)
    assert len(recording.activations) == len(watched)
    for found, value in zip(recording.activations, watched, strict=True):
        np.testing.assert_allclose(found, value, atol=2e-3)


@pytest.mark.parametrize("space", ["nasbench201", "darts", "mobilenet"])
def test_nothing_is_kept_of_a_candidate_that_was_judged(space):
    start, genotype = networks.make_start(space), fed(space)
    names = [name for name in SCORES.names() if SCORES.get(name).needs_start]
    scores = JointScore([SCORES.get(name)(start=start) for name in names])
    counts = []
    for _ in range(4):
        scores({}, [genotype])
        gc.collect()
        kept = (isinstance(held, tf.Tensor) for held in gc.get_objects())
        counts.append(sum(kept))
    # The first one makes constants and kernels, which all others share.
    assert counts[1:] == [counts[1]] * 3


def test_a_pass_is_forgotten_without_a_collection():
    start = networks.make_start("nasbench201")
    gc.collect()
    gc.disable()
    try:
        recording = Recording(start.network, fed("nasbench201"), start.images)
        recording.to_images(recording.logits)
        feature = weakref.ref(recording.features[1])
        del recording
        assert feature() is None
    finally:
        gc.enable()


def test_a_pass_changes_no_variable():
    start = networks.make_start("s4")
    network = start.network
    before = [v.numpy() for v in network.trunk.variables]
    runs = [
        Recording(network, networks.some("s4"), start.images).logits
        for _ in range(2)
    ]
    np.testing.assert_array_equal(*runs)
    for old, variable in zip(before, network.trunk.variables, strict=True):
        np.testing.assert_array_equal(old, variable)


def test_weights_are_normal_with_the_fan_in_and_a_function_of_the_seed():
    space = SPACES.get("darts")
    size = NetworkSize(16, 3, 8)
    one, two, other = (
        SharedNetwork(space, size, seed).trunk.variables for seed in (1, 1, 2)
    )
    for a, b in zip(one, two, strict=True):
        np.testing.assert_array_equal(a, b)
    kernels = {v.path: v.numpy() for v in other if len(v.shape) == 4}
    for v in one:
        if v.path not in kernels or v.shape[-1] < 16 and v.shape[-1] != 1:
            continue
        value = v.numpy()
        assert (value != kernels[v.path]).any()
        fan_in = np.prod(
            value.shape[:2] if value.shape[3] == 1 else (value.shape[:3])
        )
        count = value.size
        expected = np.sqrt(2 / fan_in)
        assert value.std() == pytest.approx(expected, rel=5 / count**0.5)


def test_only_what_lies_between_input_and_output_is_live():
    kind = SPACES.get("nasbench201").cell_types[0]

    def live(text):
        genotype = Genotype.from_string(text)
        return [
            (e.source, e.node) for e in live_edges(kind, genotype.cells["cell"])
        ]

    assert len(live(ALL_FED)) == 6
    # Node 1 is fed and leads nowhere; node 2 leads on and is not fed.
    assert live(
        "|nor_conv_3x3~0|+|none~0|none~1|+|skip_connect~0|none~1|"
        "nor_conv_3x3~2|"
    ) == [(0, 3)]
    assert live("|none~0|+|none~0|none~1|+|none~0|none~1|none~2|") == []
