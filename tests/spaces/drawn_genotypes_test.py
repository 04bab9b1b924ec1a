"""Texts that are meant as genotypes are read, or refused in a sentence."""

from __future__ import annotations

import json

import numpy as np
from hypothesis import strategies as st

from maenas_tf.spaces import PUBLISHED, SPACES, Genotype, load_genotype
from tests.drawn.cases import draws, numbers_of_cases, refused_in_a_sentence


def _examples() -> list[Genotype]:
    rng = np.random.default_rng(0)
    drawn = [SPACES.get(n).random_genotype(rng) for n in SPACES.names()]
    return [*drawn, *PUBLISHED.values()]


GENOTYPES = _examples()
DARTS = (
    "Genotype(normal=[('sep_conv_3x3', 1), ('sep_conv_3x3', 0)] * 4, "
    "normal_concat=range(2, 6), reduce=[('skip_connect', 0)] * 8, "
    "reduce_concat=list(range(2, 6)))"
)
TEXTS = [str(g) for g in GENOTYPES] + [g.to_json() for g in GENOTYPES]
TEXTS += [DARTS, f"DARTS = {DARTS}", f"12/31 03:12:11 PM genotype = {DARTS}"]
PIECES = ("|", "+", "~", "(", ")", "[", "]", "{", "}", ",", "0", "99", "-1")
PIECES += ("none", "range(", "'", '"', "\n", "\0", "9" * 5000, "NaN", "1e999")


@st.composite
def edited(draw) -> str:
    """Draws a text that was a genotype's before something happened to it."""
    text = draw(st.sampled_from(TEXTS))
    for _ in range(draw(st.integers(0, 3))):
        start = draw(st.integers(0, len(text)))
        length = draw(st.sampled_from([0, 1, 1, 2, 9, len(text)]))
        piece = draw(st.sampled_from(["", *PIECES]) | st.text(max_size=3))
        text = text[:start] + piece + text[start + length :]
    return text


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-2, 9)
    | st.integers()
    | st.floats()
    | st.text(max_size=3)
    | st.sampled_from(["none", "skip_connect", "sep_conv_3x3", "22212220"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)


@st.composite
def objects(draw):
    """Draws `genotype.json`'s content with values that are others."""
    values = json.loads(json.dumps(draw(st.sampled_from(GENOTYPES)).to_dict()))
    for _ in range(draw(st.integers(1, 2))):
        place = values
        # Down into the lists, to a depth that is drawn.
        for _ in range(draw(st.integers(0, 3))):
            inner = place[draw(st.sampled_from(_keys(place)))]
            if not isinstance(inner, list | dict) or not inner:
                break
            place = inner
        if draw(st.booleans()):
            place[draw(st.sampled_from(_keys(place)))] = draw(VALUES)
        elif isinstance(place, dict):
            del place[draw(st.sampled_from(_keys(place)))]
        if not values:
            break
    return values


def _keys(place) -> list:
    return list(place) if isinstance(place, dict) else list(range(len(place)))


def check_is_whole(genotype: Genotype) -> None:
    genotype.validate()
    assert Genotype.from_json(genotype.to_json()) == genotype
    assert Genotype.from_string(str(genotype)) == genotype


@numbers_of_cases(200)
def test_an_edited_text_is_a_whole_genotype_or_refused(cases):
    @draws(cases, edited() | st.text())
    def check(text):
        for read in (Genotype.from_string, Genotype.from_json, load_genotype):
            found = None
            with refused_in_a_sentence(ValueError):
                found = read(text)
            if found is not None:
                check_is_whole(found)

    check()


@numbers_of_cases(200)
def test_changed_values_are_a_whole_genotype_or_refused(cases):
    @draws(cases, objects() | VALUES)
    def check(values):
        for read, given in (
            (Genotype.from_dict, values),
            (Genotype.from_json, json.dumps(values)),
        ):
            found = None
            with refused_in_a_sentence(ValueError):
                found = read(given)
            if found is not None:
                check_is_whole(found)

    check()
