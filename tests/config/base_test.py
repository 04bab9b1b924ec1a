"""Tests of `maenas_tf.config.base`."""

import dataclasses
import json

import numpy as np
import pytest

from maenas_tf.config import (
    AT_LEAST_ONE,
    FRACTION,
    NOT_NEGATIVE,
    POSITIVE,
    ZERO_IS_DEFAULT,
    Config,
    ConfigError,
    setting,
)
from maenas_tf.registry import Registry

COLOURS = Registry("colour")
COLOURS.register("red")(object())


@dataclasses.dataclass(frozen=True)
class Paint(Config):
    """A group."""

    colour: str = setting("red", "what to paint with.", registry=COLOURS)
    layers: int = setting(1, "how often.", AT_LEAST_ONE)


@dataclasses.dataclass(frozen=True)
class House(Paint):
    """A configuration that is composed of a group and its own."""

    width: float = setting(2.5, "metres.", POSITIVE)
    roof: str = setting("flat", "its form.", choices=("flat", "gable"))
    door: bool = setting(True, "whether there is one.")

    def validate(self):
        super().validate()
        if self.roof == "gable" and not self.door:
            raise ConfigError("--roof=gable needs --door.")


def test_a_config_error_has_one_line_whatever_it_quotes():
    assert str(ConfigError("--name=a\nb is wrong.")) == "--name=a b is wrong."


def test_config_error_is_a_value_error():
    assert issubclass(ConfigError, ValueError)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("layers", 0, "at least 1"),
        ("layers", 1.5, "a whole number"),
        ("layers", True, "a whole number"),
        ("width", 0.0, "positive"),
        ("width", float("nan"), "finite"),
        ("width", "2", "finite"),
        ("roof", "round", "flat, gable"),
        ("door", 1, "True or False"),
        ("colour", None, "a text"),
    ],
)
def test_a_wrong_value_is_named_with_the_remedy(name, value, expected):
    with pytest.raises(ConfigError) as error:
        House(**{name: value})
    assert f"--{name}={value} is not valid: " in str(error.value)
    assert expected in str(error.value)


def test_numbers_become_plain_ones_of_the_defaults_type():
    house = House(layers=np.int64(2), width=np.float32(1.5))
    assert (type(house.layers), type(house.width)) == (int, float)
    assert type(House(width=2).width) is float


def test_a_conflict_is_found_by_the_group_that_has_it():
    with pytest.raises(ConfigError, match="--roof=gable needs --door"):
        House(roof="gable", door=False)


@pytest.mark.parametrize(
    ("range_", "inside", "outside"),
    [
        (AT_LEAST_ONE, (1, 7), (0, -1)),
        (ZERO_IS_DEFAULT, (0, 7), (-1,)),
        (POSITIVE, (1e-9,), (0, -1)),
        (NOT_NEGATIVE, (0, 0.5), (-1e-9,)),
        (FRACTION, (0, 0.99), (-0.01, 1)),
    ],
)
def test_ranges_hold_their_bounds(range_, inside, outside):
    assert all(range_.holds(value) for value in inside)
    assert not any(range_.holds(value) for value in outside)


def test_a_setting_describes_itself_with_the_names_of_now():
    colour = Paint.settings()["colour"]
    assert colour.description == "what to paint with. One of red."
    with COLOURS.temporary("blue", object()):
        assert colour.description == "what to paint with. One of red, blue."


def test_a_field_without_help_is_an_error_that_says_how():
    @dataclasses.dataclass(frozen=True)
    class Bare(Config):
        windows: int = 3

    with pytest.raises(TypeError, match=r"Bare.windows.*setting\(default"):
        Bare()


def test_settings_are_flat_and_a_group_takes_its_own():
    house = House(colour="blue", width=1.0)
    assert house.to_dict() == {
        "colour": "blue",
        "layers": 1,
        "width": 1.0,
        "roof": "flat",
        "door": True,
    }
    assert house.group(Paint) == Paint(colour="blue")
    assert House.defaults() == House().to_dict()


def test_json_round_trip_is_exact():
    house = House(width=1.1e-4, door=False)
    assert House.from_json(house.to_json()) == house
    assert json.loads(house.to_json())["width"] == 1.1e-4


def test_json_of_an_older_version_has_the_defaults_of_what_is_younger():
    house = House(colour="blue", layers=2)
    values = json.loads(house.to_json())
    del values["roof"], values["door"]
    assert House.from_json(json.dumps(values)) == house


@dataclasses.dataclass(frozen=True)
class Garden(Config):
    """Of which hedges became the rule."""

    border: str = setting("hedge", "around it.", before="fence")
    trees: int = setting(1, "planted.")


def test_a_text_older_than_a_setting_means_what_held_before():
    old = '{"trees": 2}'
    assert Garden.from_json(old) == Garden(border="fence", trees=2)
    assert Garden.unsaid() == {"border": "fence", "trees": 1}
    assert Garden().border == "hedge"


def test_who_goes_on_with_an_older_run_has_what_held_before():
    assert Garden(trees=2).as_begun('{"trees": 2}').border == "fence"
    wall = Garden(border="wall")
    assert wall.as_begun('{"trees": 2}') == wall
    assert Garden().as_begun('{"border": "hedge"}') == Garden()


def test_json_with_an_unknown_setting_is_refused_in_one_sentence():
    text = House().to_json().replace('"door"', '"gate"')
    with pytest.raises(ConfigError, match="no House of this.*know.* gate.$"):
        House.from_json(text)


@pytest.mark.parametrize("text", ["", "{", "nonsense", "[]", "3", "null"])
def test_malformed_json_is_a_config_error(text):
    with pytest.raises(ConfigError, match="The configuration"):
        House.from_json(text)


def test_json_is_validated():
    with pytest.raises(ConfigError, match="--layers=many"):
        House.from_json('{"layers": "many"}')
    with pytest.raises(ConfigError, match="--roof=round"):
        House.from_json('{"roof": "round"}')


def test_replace_leaves_the_original_and_validates_anew():
    house = House()
    assert house.replace(layers=2).layers == 2
    assert house.layers == 1
    with pytest.raises(ConfigError, match="--layers=0"):
        house.replace(layers=0)


def test_differences_name_the_changed_settings():
    house = House()
    assert house.differences(House()) == []
    assert house.replace(door=False, layers=2).differences(house) == [
        "layers",
        "door",
    ]


def test_config_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        House().layers = 2
