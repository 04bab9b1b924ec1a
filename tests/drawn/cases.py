"""How tests draw what users may send: how many cases, and which.

A test draws a few cases with the others and 10,000 with `-m large`. They are
the same ones each time, and nothing is kept in the tree.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator

import hypothesis
import pytest
from hypothesis import configuration

from maenas_tf.config import ConfigError

_LARGE = 10_000

# Hypothesis keeps tables of its own even where it keeps no examples.
configuration.set_hypothesis_home_dir(
    os.path.join(tempfile.gettempdir(), "hypothesis")
)


def numbers_of_cases(few: int) -> pytest.MarkDecorator:
    """Parametrizes a test with `cases`: few ones, and many in a large one."""
    many = pytest.param(_LARGE, marks=pytest.mark.large)
    return pytest.mark.parametrize("cases", [few, many])


def draws(cases: int, *strategies) -> Callable[[Callable], Callable]:
    """Decorates a function that checks one case.

    Args:
        cases: how many to draw.
        *strategies: of its arguments.
    """
    settings = hypothesis.settings(
        max_examples=cases,
        database=None,
        derandomize=True,
        deadline=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    return lambda check: settings(hypothesis.given(*strategies)(check))


@contextlib.contextmanager
def refused_in_a_sentence(kind: type[ValueError] = ConfigError) -> Iterator:
    """Lets an error pass that a user can read; all others are none."""
    try:
        yield
    except kind as error:
        said = str(error)
    else:
        return
    assert said.strip()
    assert "\n" not in said.strip(), said
