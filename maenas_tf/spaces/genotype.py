"""`Genotype`: an architecture chosen in a search space."""

from __future__ import annotations

import ast
import contextlib
import dataclasses
import json
import types
from collections.abc import Iterable, Mapping
from typing import Any

from maenas_tf.spaces.known import SPACES
from maenas_tf.spaces.pasted import find_genotypes


@dataclasses.dataclass(frozen=True)
class GenotypeEdge:
    """A chosen edge: `primitive` from node `source` to node `node`."""

    primitive: str
    source: int
    node: int


@dataclasses.dataclass(frozen=True, eq=False)
class Genotype:
    """The discrete architecture of the cells of a network.

    Immutable, hashable and comparable; two that name the same edges in
    another order are the same architecture. The constructor takes what it is
    given; `validate` and all the readers below check it against its space.

    Attributes:
        space: name of the search space.
        cells: cell type name to its chosen edges, nodes ascending.

    Examples:
        >>> arch = "|none~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|"
        >>> Genotype.from_string(arch).count("skip_connect")
        1
    """

    space: str
    cells: Mapping[str, tuple[GenotypeEdge, ...]]

    def __post_init__(self):
        cells = {name: tuple(edges) for name, edges in self.cells.items()}
        object.__setattr__(self, "cells", types.MappingProxyType(cells))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Genotype):
            return NotImplemented
        return self._content() == other._content()

    def __hash__(self) -> int:
        return hash(self._content())

    def _content(self) -> tuple[str, frozenset]:
        """Returns what makes it this one: the order of edges does not."""
        cells = ((n, frozenset(edges)) for n, edges in self.cells.items())
        return self.space, frozenset(cells)

    def __reduce__(self):
        return type(self), (self.space, dict(self.cells))

    def __str__(self) -> str:
        return SPACES.get(self.space).genotype_to_string(self)

    def validate(self) -> None:
        """Checks the genotype against its space.

        Raises:
            ValueError: it does not fit; the message says where.
        """
        SPACES.get(self.space).validate(self)

    def live_nodes(
        self, cell_type: str, nodes: Iterable[int]
    ) -> tuple[int, ...]:
        """Returns those of some nodes that an edge of a cell leads to."""
        fed = {edge.node for edge in self.cells[cell_type]}
        return tuple(node for node in nodes if node in fed)

    def count(self, primitive: str, cell_type: str | None = None) -> int:
        """Returns on how many edges `primitive` is placed.

        Args:
            primitive: its name.
            cell_type: count in this cell type only; all by default.

        Raises:
            ValueError: the genotype has no such cell type.
        """
        if cell_type is not None and cell_type not in self.cells:
            raise ValueError(
                f"The genotype has no cell type {cell_type!r}; known are "
                f"{', '.join(self.cells)}."
            )
        names = self.cells if cell_type is None else (cell_type,)
        return sum(
            edge.primitive == primitive
            for name in names
            for edge in self.cells[name]
        )

    def to_dict(self) -> dict[str, Any]:
        """Returns the content of `genotype.json` as plain values."""
        return SPACES.get(self.space).genotype_to_dict(self)

    def to_json(self) -> str:
        """Returns the text of `genotype.json`, one field a line."""
        fields = ",\n".join(
            f"  {json.dumps(name)}: {json.dumps(value)}"
            for name, value in self.to_dict().items()
        )
        return f"{{\n{fields}\n}}\n"

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Genotype:
        """Reads `to_dict`'s values and validates them.

        Raises:
            ValueError: they are no genotype of a known space.
        """
        if not isinstance(values, Mapping) or not isinstance(
            values.get("space"), str
        ):
            raise ValueError(
                f"A genotype is an object with a field 'space' (one of "
                f"{', '.join(SPACES.names())}); received {_short(values)}."
            )
        genotype = SPACES.get(values["space"]).genotype_from_dict(values)
        genotype.validate()
        return genotype

    @classmethod
    def from_json(cls, text: str) -> Genotype:
        """Reads `to_json`'s text and validates it.

        Raises:
            ValueError: the text is malformed or no valid genotype.
        """
        try:
            values = json.loads(text)
        except (json.JSONDecodeError, RecursionError) as error:
            raise ValueError(
                f"The genotype is not valid JSON ({error}); received "
                f"{_short(text)}."
            ) from error
        return cls.from_dict(values)

    @staticmethod
    def is_text(text: str, inside: bool = False) -> bool:
        """Whether a text has one of the forms that `from_string` reads.

        Args:
            text: any.
            inside: or holds what has.
        """
        if inside:
            return bool(find_genotypes(text, _is_architecture))
        return text.startswith(("{", "Genotype(")) or _reads(text)

    @classmethod
    def from_string(cls, text: str) -> Genotype:
        """Reads a genotype from a pasted text.

        Args:
            text: JSON as in `genotype.json`; an architecture string of a
                space that has such, as "|op~0|+|op~0|op~1|+|op~0|op~1|op~2|"
                (nasbench201) or "22212220" (macro); or the form that
                DARTS prints, "Genotype(normal=[('skip_connect', 0), ...],
                normal_concat=range(2, 6), reduce=...)", taken to be of the
                space "darts". What a log or a program has around it, as in
                "NAME = Genotype(...)", is left out.

        Raises:
            ValueError: the text has none of the forms, holds several
                genotypes, or is not valid.
        """
        text = text.strip()
        parts = find_genotypes(text, _is_architecture) or [text]
        found = list(dict.fromkeys(map(cls._from_bare, parts)))
        if len(found) > 1:
            raise ValueError(
                f"There are {len(found)} different genotypes here, the first "
                f"{_short(parts[0])}, the last {_short(parts[-1])}; give the "
                f"one that is meant."
            )
        return found[0]

    @classmethod
    def _from_bare(cls, text: str) -> Genotype:
        if text.startswith("{"):
            return cls.from_json(text)
        if text.startswith("Genotype("):
            return cls.from_dict({"space": "darts", **_parse_call(text)})
        for name in SPACES.names():
            if SPACES.get(name).reads(text):
                return cls.from_dict({"space": name, "arch": text})
        raise ValueError(
            f"{_short(text)} is no genotype: expected JSON, a NAS-Bench-201 "
            f"string '|op~0|+|op~0|op~1|+|op~0|op~1|op~2|', that of another "
            f"space, or DARTS's 'Genotype(normal=[...], ...)'."
        )


def _reads(text: str) -> bool:
    """Whether a text is an architecture string of some space."""
    return any(SPACES.get(name).reads(text) for name in SPACES.names())


def _is_architecture(text: str) -> bool:
    """Whether it is a valid one too."""
    for name in SPACES.names():
        if SPACES.get(name).reads(text):
            with contextlib.suppress(ValueError):
                Genotype.from_dict({"space": name, "arch": text})
                return True
    return False


def _parse_call(text: str) -> dict[str, Any]:
    """Returns the keywords of DARTS's printed form, executing nothing."""
    try:
        call = ast.parse(text, mode="eval").body
        if not isinstance(call, ast.Call) or call.args:
            raise ValueError("only keywords are allowed")
        values = {
            str(keyword.arg): _literal(keyword.value)
            for keyword in call.keywords
        }
    except (SyntaxError, ValueError, TypeError, RecursionError) as error:
        raise ValueError(
            f"Cannot read {_short(text)} as Genotype(normal=[...], "
            f"normal_concat=..., reduce=[...], reduce_concat=...): {error}"
        ) from error
    return values


def _literal(node: ast.expr) -> Any:
    """Evaluates a literal, or a `range` or `list` of literals."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        arguments = [_literal(argument) for argument in node.args]
        if node.func.id == "range":
            # A concat names a handful of nodes; refuse to unroll millions.
            return list(range(*arguments)[:64])
        if node.func.id == "list" and len(arguments) == 1:
            return list(arguments[0])
    return ast.literal_eval(node)


def _short(value: Any) -> str:
    """Returns `repr(value)`, cut to a length fit for a message."""
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
