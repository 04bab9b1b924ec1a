"""Tests of `maenas_tf.config.data`."""

import pytest

from maenas_tf.config import ConfigError, DataSettings, read_colour


@pytest.mark.parametrize(
    ("text", "colour"),
    [
        ("white", (255, 255, 255)),
        ("black", (0, 0, 0)),
        ("#0a14FF", (10, 20, 255)),
        ("none", None),
    ],
)
def test_colours_are_read(text, colour):
    assert read_colour("background", text) == colour
    assert DataSettings(background=text).background == text


@pytest.mark.parametrize("text", ["", "green", "#fff", "#12345g", "0a14ff"])
def test_what_is_no_colour_is_named(text):
    with pytest.raises(ConfigError, match=f"--background={text} is not valid"):
        DataSettings(background=text)
