"""Arrays and labels of any kind are taken whole, or refused."""

from __future__ import annotations

import numpy as np
import pytest
from absl import logging
from hypothesis import strategies as st

from maenas_tf.data.sources import from_arrays
from tests.drawn.cases import draws, numbers_of_cases, refused_in_a_sentence

TYPES = "bool u1 i1 u2 i2 u4 i4 u8 i8 f2 f4 f8 c8 O U3 M8[s]".split()
BOUNDS = (0.0, 1e-3, 0.5, 1.0, 1.0001, 1.3, 2.0, 254.0, 255.0, 255.4, 256.0)
BOUNDS += (4095.0, 65535.0, 1e9, 1e30, -1e-6, -1.0, -128.0)
ODD = (np.nan, np.inf, -np.inf)


@st.composite
def arrays(draw) -> np.ndarray:
    """Draws an array, of the shape of images more often than not."""
    sides = st.integers(0, 5)
    rank = draw(st.sampled_from([0, 1, 2, 3, 4, 4, 4, 4, 5]))
    shape = [draw(sides) for _ in range(rank)]
    if rank == 4:
        shape[-1] = draw(st.sampled_from([1, 3, 3, 4, 2, 5]))
    low, high = sorted(draw(st.sampled_from(BOUNDS)) for _ in range(2))
    rng = np.random.default_rng(draw(st.integers(0, 9)))
    values = np.array(rng.uniform(low, high, shape))
    if values.size and draw(st.integers(0, 5)) == 0:
        values.flat[0] = draw(st.sampled_from(ODD))
    with np.errstate(all="ignore"):
        return values.astype(draw(st.sampled_from(TYPES)))


@pytest.fixture(autouse=True)
def silent(monkeypatch):
    monkeypatch.setattr(logging, "warning", lambda *args: None)


@numbers_of_cases(150)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_arrays_become_as_many_square_images_or_are_refused(cases):
    given = arrays() | st.lists(arrays(), max_size=3)

    @draws(cases, given, st.integers(0, 9), st.integers(0, 3))
    def check(images, image_size, max_images):
        made = None
        with refused_in_a_sentence():
            made = from_arrays(
                images, image_size=image_size, max_images=max_images
            )
        if made is None:
            return
        count = len(images)
        assert made.num_images == min(count, max_images or count)
        size = made.image_size
        assert image_size in (0, size)
        assert made.images.shape == (made.num_images, size, size, 3)
        assert made.images.dtype == np.uint8

    check()


NUMBERS = st.integers(-2, 4) | st.integers() | st.floats() | st.booleans()
LABELS = (
    st.lists(st.integers(0, 2), min_size=4, max_size=4)
    | st.lists(NUMBERS, max_size=5)
    | st.recursive(
        NUMBERS | st.none() | st.text(max_size=2),
        lambda inner: st.lists(inner, max_size=4),
        max_leaves=8,
    )
)


@numbers_of_cases(150)
def test_labels_are_taken_as_they_are_or_refused(cases):
    images = np.zeros((4, 2, 2, 3), np.uint8)

    @draws(cases, LABELS, st.integers(0, 3))
    def check(labels, max_images):
        made = None
        with refused_in_a_sentence():
            made = from_arrays(images, labels=labels, max_images=max_images)
        if made is None or labels is None:
            return
        assert made.labels.tolist() == labels[: max_images or 4]
        # No class is made up: each of them is one of the caller's.
        assert {int(name) for name in made.class_names} == {*labels}

    check()
