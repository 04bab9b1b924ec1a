"""Tests of `maenas_tf.searching.scoring`."""

from __future__ import annotations

import types

import pytest

from maenas_tf.searching.config import SearchConfig
from maenas_tf.searching.scoring import make_scorer
from maenas_tf.skeletons import NetworkSize
from maenas_tf.spaces import SPACES

IMAGES = types.SimpleNamespace(image_size=8)


@pytest.mark.parametrize(
    ("full_size", "channels", "side"), [(False, 4, 8), (True, 2, 32)]
)
def test_untrained_networks_are_of_the_size_that_is_asked_for(
    full_size, channels, side
):
    config = SearchConfig(space="nasbench201", init_channels=4, num_cells=1)
    space = SPACES.get("nasbench201")
    size = NetworkSize(2, 1, image_size=8)
    scorer = make_scorer(
        "jacov+macs", config, space, IMAGES, size, full_size=full_size
    )
    start = scorer.scores[0].start
    assert start.images.shape == (16, side, side, 3)
    kernels = [w for w in start.network.weights if len(w.shape) == 4]
    assert min(kernel.shape[-1] for kernel in kernels) == channels
    # What a candidate costs is told of the network that it would become.
    assert scorer.scores[1].size == size
