"""Tests of `maenas_tf.config.open_config`."""

import dataclasses
import pickle

import pytest

from maenas_tf.config import Config, ConfigError, OpenConfig, setting


@dataclasses.dataclass(frozen=True)
class Brush(Config):
    """What a registered way of painting declares."""

    hair: str = setting("soft", '"soft" or "hard".', choices=("soft", "hard"))


@dataclasses.dataclass(frozen=True)
class WideBrush(Brush):
    """What another one does: one more, and one more value of the first."""

    hair: str = setting("soft", 'or "none".', choices=("soft", "hard", "none"))
    width: int = setting(10, "centimetres.")


TOOLS: dict[str, type[Config]] = {
    "brush": Brush,
    "wide": WideBrush,
    "finger": Config,
}


class Tools:
    """A registry of them."""

    def names(self):
        return list(TOOLS)


@dataclasses.dataclass(frozen=True, init=False, eq=False, repr=False)
class Painting(OpenConfig):
    """A configuration of two settings, and those of the tools."""

    cover: str = setting("none", "what lies over it.")
    tool: str = setting("brush", "what to paint with.", registry=Tools())

    @classmethod
    def registered(cls):
        return {**super().registered(), "tool": TOOLS}


def test_settings_that_are_found_are_flat_like_its_own():
    painting = Painting(width=3)
    assert (painting.tool, painting.hair, painting.width) == (
        "brush",
        "soft",
        3,
    )
    assert painting.to_dict() == {
        "tool": "brush",
        "width": 3,
        "hair": "soft",
        "cover": "none",
    }
    assert painting.group(WideBrush) == WideBrush(width=3)
    assert Painting.from_json(painting.to_json()) == painting
    assert painting.replace(tool="wide").width == 3
    assert (
        repr(painting)
        == "Painting(tool='brush', width=3, hair='soft', cover='none')"
    )
    assert pickle.loads(pickle.dumps(painting)) == painting


def test_those_that_differ_in_what_was_found_are_not_equal():
    assert Painting(width=3) == Painting(width=3)
    assert hash(Painting(width=3)) == hash(Painting(width=3))
    assert Painting(width=3) != Painting()
    assert Painting(width=3).differences(Painting()) == ["width"]


def test_a_setting_of_several_has_the_values_of_all_and_names_them():
    hair = Painting.settings()["hair"]
    assert hair.choices == ("soft", "hard", "none")
    assert hair.help == '"soft" or "hard"; brush. or "none"; wide.'
    assert Painting.settings()["width"].help == "centimetres; wide."
    # A value of one alone is none for the other.
    painting = Painting(hair="none")
    assert painting.group(WideBrush).hair == "none"
    with pytest.raises(ConfigError, match="--hair=none.*soft, hard."):
        painting.group(Brush)


def test_what_the_chosen_one_does_not_read_is_named():
    assert list(Painting(width=3).unread()) == [("tool", "width")]
    assert list(Painting(tool="wide", width=3).unread()) == []
    unread = Painting(tool="finger", width=3, hair="hard").unread()
    assert list(unread) == [("tool", "hair"), ("tool", "width")]


def test_an_unknown_setting_is_an_error_that_lists_the_known_ones():
    with pytest.raises(ConfigError, match="'widht'. Did you mean 'width'"):
        Painting(widht=3)
    with pytest.raises(ConfigError, match="Known are tool, width, hair"):
        Painting(colour=3)


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ({"hair": setting("hard", "hard or none.")}, "'hair' has another"),
        ({"tool": setting("brush", "again.")}, "'tool' is declared by other"),
    ],
)
def test_two_that_do_not_agree_are_an_error(declared, message, monkeypatch):
    fields = [(name, str, field) for name, field in declared.items()]
    group = dataclasses.make_dataclass(
        "Other", fields, bases=(Config,), frozen=True
    )
    monkeypatch.setitem(TOOLS, "other", group)
    with pytest.raises(ValueError, match=message):
        Painting()


def test_config_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Painting().width = 1


def test_what_chooses_comes_first_and_then_what_it_chose():
    assert list(Painting.settings()) == ["tool", "width", "hair", "cover"]
