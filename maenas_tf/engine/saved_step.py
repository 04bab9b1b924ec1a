"""A traced step as bytes, and the call of what another process has traced."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import weakref
import zlib
from collections.abc import Iterator, Sequence
from typing import Any, Self

import tensorflow as tf

# Functions by name have no public one.
from tensorflow.python.eager import context
from tensorflow.python.framework import errors, op_def_registry

from maenas_tf.engine.fingerprint_code import NotKnown

_Library = tf.compat.v1.GraphDef
_MAGIC = b"maenas_tf step 1\n"
# They reach what another process does not have.
_OF_PROCESS = (
    "PyFunc",
    "PyFuncStateless",
    "EagerPyFunc",
    "VarHandleOp",
    "Placeholder",
)


@dataclasses.dataclass(frozen=True)
class SavedStep:
    """What another process needs to make a step that was traced in one.

    Attributes:
        name: of the function.
        captures: place of each tensor that it takes besides its inputs, among
            those that were met where what it reads was walked through.
        num_tensors: how many were met.
        library: a serialized GraphDef, with all functions that are called.
    """

    name: str
    captures: tuple[int, ...]
    num_tensors: int
    library: bytes

    @classmethod
    def of(cls, function: Any, tensors: Sequence[tf.Tensor]) -> Self:
        """Takes down a concrete function.

        Args:
            function: it returns one tensor.
            tensors: that it may capture.

        Raises:
            NotKnown: it takes something else, or is of this process alone.
        """
        if function.graph.deferred_external_captures:
            raise NotKnown("a capture that is made at each call")
        places = {id(tensor): place for place, tensor in enumerate(tensors)}
        captured = [places.get(id(each)) for each in function.captured_inputs]
        if None in captured:
            raise NotKnown(f"{function.captured_inputs[captured.index(None)]}")
        library = _Library()
        _collect(function.name.decode(), library, {})
        _check(library)
        # TensorFlow numbers names in each process, beginning with the same.
        content = library.SerializeToString()
        mark = hashlib.sha256(content).hexdigest()[:32]
        names = {
            each.signature.name: f"saved_{mark}_{number}"
            for number, each in enumerate(library.library.function)
        }
        _rename(library, names)
        return cls(
            names[function.name.decode()],
            tuple(captured),
            len(tensors),
            library.SerializeToString(),
        )

    def to_bytes(self) -> bytes:
        """Returns all of it, with what tells whether it is damaged."""
        head = {
            "name": self.name,
            "captures": self.captures,
            "num_tensors": self.num_tensors,
        }
        content = json.dumps(head).encode() + b"\n" + self.library
        packed = zlib.compress(content, 1)
        return _MAGIC + hashlib.sha256(packed).digest() + packed

    @classmethod
    def from_bytes(cls, content: bytes) -> Self:
        """Reads what `to_bytes` returned.

        Raises:
            ValueError: it is something else.
        """
        start = len(_MAGIC) + hashlib.sha256().digest_size
        mark, packed = content[len(_MAGIC) : start], content[start:]
        if not content.startswith(_MAGIC) or (
            hashlib.sha256(packed).digest() != mark
        ):
            raise ValueError("It is no saved step, or damaged.")
        head, _, library = zlib.decompress(packed).partition(b"\n")
        told = json.loads(head)
        return cls(
            told["name"], tuple(told["captures"]), told["num_tensors"], library
        )


class LoadedStep:
    """A step that was traced in another process, or earlier in this one.

    Args:
        saved: the step.
        tensors: those that were met here, where the same was met.

    Raises:
        ValueError: it does not fit them, or to this TensorFlow.
    """

    def __init__(self, saved: SavedStep, tensors: Sequence[tf.Tensor]):
        if saved.num_tensors != len(tensors):
            raise ValueError(
                f"num_tensors={saved.num_tensors} were met where it was "
                f"saved, and {len(tensors)} here."
            )
        self._name = saved.name
        self._captured = [tensors[place] for place in saved.captures]
        self._context = context.context()
        added: list[str] = []
        weakref.finalize(self, _remove, self._context, added).atexit = False
        try:
            library = _Library.FromString(saved.library).library
            for function in library.function:
                self._context.add_function_def(function)
                added.append(function.signature.name)
        except (errors.OpError, ValueError) as error:
            raise ValueError(f"TensorFlow does not take it: {error}") from error

    def __call__(self, iterator: Iterator) -> tf.Tensor:
        """Makes a step with the next batch of an iterator."""
        given = tf.nest.flatten(iterator, expand_composites=True)
        (result,) = self._context.call_function(
            self._name.encode(), [*given, *self._captured], 1
        )
        return result


def _remove(of: Any, names: Sequence[str]) -> None:
    """Lets go of functions; of one that was added twice, once."""
    for name in names:
        of.remove_function(name)


def _collect(name: str, library: Any, found: dict[str, bool]) -> None:
    """Adds a function to a library, after all those that it calls."""
    if name in found:
        return
    found[name] = True
    function = context.context().get_function_def(name)
    for called in _called(function):
        _collect(called.name, library, found)
    library.library.function.append(function)


def _called(function: Any) -> Iterator[Any]:
    """Yields wherever a function names another."""
    values = [*function.attr.values()]
    for node in function.node_def:
        values += node.attr.values()
    for value in values:
        kind = value.WhichOneof("value")
        if kind == "func":
            yield value.func
        elif kind == "list":
            yield from value.list.func


def _check(library: Any) -> None:
    for function in library.library.function:
        for node in function.node_def:
            # The second: a function that is called as if it were one.
            if node.op in _OF_PROCESS or op_def_registry.get(node.op) is None:
                raise NotKnown(f"an operation {node.op}")
            if "seed" in node.attr and "seed2" in node.attr:
                raise NotKnown(f"an operation {node.op} with its own stream")


def _rename(library: Any, names: dict[str, str]) -> None:
    for function in library.library.function:
        function.signature.name = names[function.signature.name]
        for called in _called(function):
            called.name = names[called.name]
