"""Tests of `maenas_tf.config.grid`."""

import pytest

from maenas_tf.config import ConfigError
from maenas_tf.config.grid import parse_grid
from maenas_tf.searching.config import SearchConfig

GRID = "mask_ratio=0.5,0.75; decoder=linear,hierarchical"
SETTINGS = SearchConfig.defaults()


def test_the_grid_is_read_in_the_types_of_the_settings():
    found = parse_grid(f"{GRID};epochs=3;augment=true,False;", SETTINGS)
    assert found == {
        "mask_ratio": (0.5, 0.75),
        "decoder": ("linear", "hierarchical"),
        "epochs": (3,),
        "augment": (True, False),
    }
    assert isinstance(found["epochs"][0], int)
    assert parse_grid("", SETTINGS) == {}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("mask_ratio", ("'mask_ratio'", "name=value,value")),
        ("mask_rato=0.5", ("'mask_rato'", "Did you mean 'mask_ratio'")),
        ("mask_ratio=0.5,half", ("mask_ratio=half", "give a number")),
        ("epochs=2.5", ("epochs=2.5", "a whole number")),
        ("augment=maybe", ("augment=maybe", "true or false")),
        ("mask_ratio=0.5,", ("mask_ratio=", "give a number")),
        ("mask_ratio=0.5,0.50", ("names 0.5 twice",)),
        ("mask_ratio=0.5;mask_ratio=0.6", ("'mask_ratio' twice",)),
        ("seed=0,1", ("--seeds=0,1,2",)),
    ],
)
def test_a_bad_grid_is_refused_with_the_remedy(text, words):
    with pytest.raises(ConfigError) as error:
        parse_grid(text, SETTINGS)
    assert "--grid" in str(error.value)
    for word in words:
        assert word in str(error.value)
