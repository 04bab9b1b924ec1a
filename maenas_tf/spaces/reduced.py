"""S1 to S4: small DARTS spaces in which plain DARTS collapses.

Reference: Zela et al., "Understanding and Robustifying Differentiable
Architecture Search" (ICLR 2020), section 3.
"""

from __future__ import annotations

from collections.abc import Callable

from maenas_tf.spaces.darts import NORMAL, REDUCE, DartsSpace
from maenas_tf.spaces.known import SPACES
from maenas_tf.spaces.space import NONE

_MAX = "max_pool_3x3"
_AVG = "avg_pool_3x3"
_SKIP = "skip_connect"
_SEP3 = "sep_conv_3x3"
_DIL3 = "dil_conv_3x3"
_DIL5 = "dil_conv_5x5"

# Two candidates an edge, by edge index: those a pruning search had left.
_S1 = {
    NORMAL: (
        (_SKIP, _DIL3),  # 2<-0
        (_SKIP, _DIL5),  # 2<-1
        (_SKIP, _DIL5),  # 3<-0
        (_SKIP, _SEP3),  # 3<-1
        (_SKIP, _DIL3),  # 3<-2
        (_MAX, _SKIP),  # 4<-0
        (_SKIP, _SEP3),  # 4<-1
        (_SKIP, _SEP3),  # 4<-2
        (_SKIP, _DIL3),  # 4<-3
        (_SKIP, _SEP3),  # 5<-0
        (_MAX, _SKIP),  # 5<-1
        (_SKIP, _DIL3),  # 5<-2
        (_DIL3, _DIL5),  # 5<-3
        (_DIL3, _DIL5),  # 5<-4
    ),
    REDUCE: (
        (_MAX, _AVG),  # 2<-0
        (_MAX, _DIL3),  # 2<-1
        (_MAX, _AVG),  # 3<-0
        (_MAX, _AVG),  # 3<-1
        (_SKIP, _DIL5),  # 3<-2
        (_MAX, _AVG),  # 4<-0
        (_MAX, _SEP3),  # 4<-1
        (_SKIP, _DIL3),  # 4<-2
        (_SKIP, _DIL5),  # 4<-3
        (_MAX, _AVG),  # 5<-0
        (_MAX, _AVG),  # 5<-1
        (_SKIP, _DIL5),  # 5<-2
        (_SKIP, _DIL5),  # 5<-3
        (_SKIP, _DIL5),  # 5<-4
    ),
}


def _s1_primitives(cell_type: str, index: int) -> tuple[str, ...]:
    """Returns the two candidates of S1 on an edge."""
    return _S1[cell_type][index]


def _everywhere(
    *primitives: str,
) -> Callable[[str, int], tuple[str, ...]]:
    """Returns a rule that places the same candidates on every edge."""

    def rule(cell_type: str, index: int) -> tuple[str, ...]:
        del cell_type, index
        return primitives

    return rule


S1 = SPACES.register("s1")(DartsSpace("s1", _s1_primitives))
S2 = SPACES.register("s2")(DartsSpace("s2", _everywhere(_SKIP, _SEP3)))
S3 = SPACES.register("s3")(DartsSpace("s3", _everywhere(NONE, _SKIP, _SEP3)))
# `noise` is a candidate like any other and can end up in the genotype.
S4 = SPACES.register("s4")(DartsSpace("s4", _everywhere("noise", _SEP3)))
