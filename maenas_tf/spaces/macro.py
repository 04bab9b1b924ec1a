"""The space of NAS-Bench-Macro.

Su et al., "Prioritized Architecture Sampling with Monto-Carlo Tree Search"
(CVPR 2021): eight layers in stages of 2, 3 and 3, three candidates each, which
makes 6,561 networks, all of them trained.
"""

from __future__ import annotations

from maenas_tf.spaces.chain import ChainSpace
from maenas_tf.spaces.known import SPACES

STAGES = (2, 3, 3)
# In the order of the digits of the benchmark's keys.
PRIMITIVES = ("skip_connect", "mb3_k3", "mb6_k5")

MACRO = SPACES.register("macro")(
    ChainSpace(
        "macro",
        "macro",
        [PRIMITIVES] * sum(STAGES),
        {name: str(digit) for digit, name in enumerate(PRIMITIVES)},
        [sum(STAGES)],
    )
)
