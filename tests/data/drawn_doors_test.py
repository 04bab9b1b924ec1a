"""A file of any content is the same to a training and to a server."""

from __future__ import annotations

import pathlib
import tempfile

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import strategies as st

from maenas_tf.data import decoding
from maenas_tf.data.image_file import read_image
from maenas_tf.data.pixel_rules import PixelRules
from tests.data.drawn_files_test import broken, images
from tests.drawn.cases import draws, numbers_of_cases

SIZE = 8
RULES = PixelRules(
    "#336699", integer_white=65535, float_white=1, center_crop=0.9
)
STARTS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF")


@pytest.fixture(scope="module")
def serve():
    """Returns what a server makes of a file's bytes."""
    return tf.function(
        lambda encoded: decoding.decode(encoded, SIZE, RULES),
        input_signature=[tf.TensorSpec([], tf.string)],
    )


def train(content: bytes) -> np.ndarray | None:
    """Returns what a training makes of a file's bytes, None if nothing."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "image"
        path.write_bytes(content)
        # What is broken makes Pillow raise nearly anything.
        try:
            return read_image(path, SIZE, RULES)
        except Exception:
            return None


@numbers_of_cases(60)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_whole_files_give_the_same_bytes(cases, serve):
    @draws(cases, images().filter(lambda x: x.startswith(STARTS)))
    def check(content):
        np.testing.assert_array_equal(serve(content), train(content))

    check()


@numbers_of_cases(60)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_broken_files_give_the_same_bytes_or_an_error(cases, serve):
    @draws(cases, broken() | st.binary(max_size=64))
    def check(content):
        try:
            served = serve(content).numpy()
        except tf.errors.InvalidArgumentError:
            return
        trained = train(content)
        if trained is not None:
            np.testing.assert_array_equal(served, trained)

    check()
