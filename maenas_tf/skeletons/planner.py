"""The planner, which lays placements out one behind the other."""

from __future__ import annotations

from maenas_tf.skeletons.costs import half
from maenas_tf.skeletons.plan import (
    IMAGES,
    Cell,
    Head,
    NetworkSize,
    Placement,
    Plan,
)
from maenas_tf.spaces import Space


class Planner:
    """Puts placements one behind the other, keeping count of their sizes.

    Args:
        space: search space.
        size: of the network.
    """

    def __init__(self, space: Space, size: NetworkSize):
        self.space = space
        self.size = size
        self.placements: list[Placement] = []
        self._outputs = {IMAGES: (3, size.image_size, 0)}
        self.last = IMAGES

    def channels(self, name: str) -> int:
        """Returns the channels of a placement's output."""
        return self._outputs[name][0]

    def side(self, name: str) -> int:
        """Returns the side of a placement's output, pixels."""
        return self._outputs[name][1]

    def place(
        self,
        kind: type[Placement],
        name: str,
        channels_out: int,
        halvings: int = 0,
        inputs: tuple[str, ...] = (),
        **own,
    ) -> None:
        """Adds a placement.

        Args:
            kind: its class.
            name: of its own.
            channels_out: of its output.
            halvings: how often it halves the resolution.
            inputs: names of what it takes; nothing means what is last.
            **own: further fields of the class.
        """
        inputs = inputs or (self.last,)
        size_in, level = self._outputs[inputs[-1]][1:]
        size_out = size_in
        for _ in range(halvings):
            size_out = half(size_out)
        self.placements.append(
            kind(
                name,
                inputs,
                tuple(map(self.channels, inputs)),
                channels_out,
                size_in,
                size_out,
                halvings,
                level + halvings,
                **own,
            )
        )
        self._outputs[name] = channels_out, size_out, level + halvings
        self.last = name

    def finish(self, head: Head, auxiliary: str | None = None) -> Plan:
        """Returns the plan; its features are the ends of the resolutions.

        Those before the first choice are none: a stem has seen too little.
        """
        ends: dict[int, str] = {}
        chosen = False
        for placement in self.placements:
            chosen = chosen or isinstance(placement, Cell)
            if chosen:
                ends[placement.level] = placement.name
        return Plan(
            self.space,
            self.size,
            tuple(self.placements),
            tuple(ends.values()),
            head,
            auxiliary,
        )
