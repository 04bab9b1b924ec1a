"""Tests of `maenas_tf.searching.search_images`."""

from __future__ import annotations

import types

import numpy as np
import pytest

from maenas_tf.data.held_out import num_held_out
from maenas_tf.data.pipeline import split_halves
from maenas_tf.searching.search_images import SearchImages
from tests.searching import small


def divide(halved, scores, **settings):
    images = small.make_images(20)
    return SearchImages(
        images,
        types.SimpleNamespace(reads_labels=False),
        small.make_config(**settings),
        types.SimpleNamespace(trains_alphas=halved),
        types.SimpleNamespace(scores=scores),
    )


def make_task():
    return types.SimpleNamespace(
        reads_labels=False, map=lambda example, seed: {"seen": example["index"]}
    )


@pytest.mark.parametrize("halved", [False, True])
@pytest.mark.parametrize("steps", [1, 5])
def test_an_epoch_has_as_many_steps_as_are_asked_for(halved, steps):
    data = divide(halved, False, steps_per_epoch=steps, held_out_images=6)
    data.task = make_task()
    assert data.steps == steps

    def seen(epoch, start_step):
        return [
            np.concatenate([batch[half] for half in sorted(batch)]).tolist()
            for batch in (
                {half: found["seen"] for half, found in batch.items()}
                for batch in data.epoch(epoch, start_step).as_numpy_iterator()
            )
        ]

    whole = seen(1, 0)
    assert len(whole) == steps
    assert seen(0, 0) != whole
    # As a run does that was stopped there.
    assert seen(1, steps - 1) == whole[-1:]


@pytest.mark.parametrize("scores", [False, True])
def test_without_alphas_a_part_is_held_out_whoever_looks_at_it(scores):
    data = divide(False, scores, held_out_images=6)
    assert len(data.held_out) == 6
    assert sorted([*data.trained, *data.held_out]) == list(range(20))
    assert data.steps == 14 // 4


def test_with_alphas_their_half_is_held_out_and_some_of_it_judges():
    _, half = split_halves(20, 0)
    assert divide(True, False).held_out.tolist() == half.tolist()
    judging = divide(True, True).held_out
    assert judging.tolist() == half[: num_held_out(20)].tolist()
