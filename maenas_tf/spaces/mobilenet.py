"""The MobileNet-like space of ProxylessNAS (Cai et al., ICLR 2019).

21 layers in six stages, six candidates each; in the 15 layers that keep size
and width a layer may also be left out: 6^6 7^15 networks. The published
networks have a first stage of 32 channels where the search's has 24; they are
those of the space `mobilenet_32`.
"""

from __future__ import annotations

from maenas_tf.spaces.chain import ChainSpace
from maenas_tf.spaces.known import SPACES

# Layers of each stage; the first of a stage changes the width.
STAGES = (4, 4, 4, 4, 4, 1)
PRIMITIVES = tuple(f"mb{e}_k{k}" for k in (3, 5, 7) for e in (3, 6))
SKIP = "skip_connect"


def _space(name: str, pasteable: bool = True) -> ChainSpace:
    symbols = {f"mb{e}_k{k}": f"{k}_{e}" for k in (3, 5, 7) for e in (3, 6)}
    return ChainSpace(
        name,
        name,
        [
            PRIMITIVES if index == 0 else (*PRIMITIVES, SKIP)
            for count in STAGES
            for index in range(count)
        ],
        {**symbols, SKIP: "-"},
        STAGES,
        separator=" ; ",
        joiner=" ",
        pasteable=pasteable,
    )


MOBILENET = SPACES.register("mobilenet")(_space("mobilenet"))
MOBILENET_32 = SPACES.register("mobilenet_32")(
    _space("mobilenet_32", pasteable=False)
)
