"""Tests of `maenas_tf.registry`."""

import pytest

from maenas_tf.registry import Registry


@pytest.fixture
def fruits():
    registry = Registry("fruit")
    registry.register("apple")("an apple")
    registry.register("cherry")("a cherry")
    return registry


def test_get_returns_the_registered_object_itself(fruits):
    @fruits.register("pear")
    class Pear:
        pass

    assert fruits.get("pear") is Pear
    assert isinstance(Pear, type)


def test_duplicate_name_is_an_error_and_keeps_the_first(fruits):
    with pytest.raises(ValueError, match="fruit name 'apple' is registered"):
        fruits.register("apple")("another apple")
    assert fruits.get("apple") == "an apple"


def test_unknown_name_lists_the_known_ones(fruits):
    with pytest.raises(ValueError, match="'stone'; known are apple, cherry"):
        fruits.get("stone")


def test_near_miss_is_suggested_and_a_far_one_is_not(fruits):
    with pytest.raises(ValueError, match="Did you mean 'cherry'"):
        fruits.get("chery")
    with pytest.raises(ValueError, match="zzz") as caught:
        fruits.get("zzz")
    assert "Did you mean" not in str(caught.value)


def test_names_are_in_order_of_registration(fruits):
    fruits.register("banana")("a banana")
    assert fruits.names() == ["apple", "cherry", "banana"]
    assert "banana" in fruits
    assert "stone" not in fruits


def test_names_cannot_be_used_to_change_the_registry(fruits):
    fruits.names().clear()
    assert fruits.names() == ["apple", "cherry"]


def test_temporary_entry_is_gone_after_the_block(fruits):
    with fruits.temporary("stone", "a stone") as entry:
        assert entry == "a stone"
        assert fruits.get("stone") == "a stone"
    assert "stone" not in fruits


def test_temporary_entry_is_gone_after_an_error(fruits):
    with pytest.raises(RuntimeError), fruits.temporary("stone", "a stone"):
        raise RuntimeError
    assert "stone" not in fruits


def test_temporary_does_not_replace_a_taken_name(fruits):
    with (
        pytest.raises(ValueError, match="registered already"),
        fruits.temporary("apple", "a stone"),
    ):
        pass
    assert fruits.get("apple") == "an apple"
