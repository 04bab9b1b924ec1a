"""What a trace may read, in words that are the same in every process.

A step that was traced by another process can be taken up only where this
process would trace the same. What a trace reads is whatever can be reached from
the model; here it is all walked through and written down, without the values of
variables, which no trace reads, and what is `Noted`, which tells whether it was
read. Whatever is of an unknown kind is refused: two equal descriptions must not
stand for two different graphs.
"""

from __future__ import annotations

import copyreg
import dataclasses
import enum
import hashlib
import pathlib
import re
import threading
import types
from collections.abc import Iterable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from maenas_tf.config.noted import Noted
from maenas_tf.engine.fingerprint_code import (
    CODE_TYPES,
    NotKnown,
    describe_code,
    of_class,
)
from maenas_tf.ops.sharing import SharedFunctions

Described = tuple[str, Sequence[Any]]

_ATOMS = frozenset((type(None), bool, int, float, complex, str, type(...)))
_NOTED_BY_TYPE = (
    # They draw what a variable begins with, and hold a seed.
    keras.initializers.Initializer,
    # What has been traced, and is traced again where it is not there.
    SharedFunctions,
    type(threading.Lock()),
    type(threading.RLock()),
)
# Of Keras' objects, what tells how they were made, follows from their class or
# is noted down while they are called. (`_parent_path` begins the names of the
# operations and of the variables that a call makes, where it may make any.)
_KERAS_NOTES = frozenset(
    """_tracker _auto_config _lock _tracked _obj_reference_counts_dict _called
    _losses _loss_ids _losses_override _call_signature _saved_model_inputs_spec
    _saved_model_arg_spec _build_shapes_dict build quantize train_function
    test_function predict_function _distribute_strategy
    _distribution_strategy _trainable_variables_indices
    call_signature_parameters
    _call_has_training_arg _call_has_mask_arg _call_context_args
    _call_has_context_arg _parent_path _self_setattr_tracking
    _self_unconditional_checkpoint_dependencies
    _self_unconditional_dependency_names
    _self_unconditional_deferred_dependencies _self_update_uid
    _self_name_based_restores _self_saveable_object_factories""".split()
)
# A state is a variable, of which no trace reads the value.
_SEEDS = frozenset(("seed", "_initial_seed", "backend", "_backend"))
_WRAPPERS = frozenset(
    """TrackedList TrackedDict TrackedSet ListWrapper _DictWrapper
    _TupleWrapper""".split()
)
# What a class may be made of, besides what it is given in Python.
# Py_TPFLAGS_DISALLOW_INSTANTIATION and Py_TPFLAGS_IMMUTABLETYPE.
_NATIVE = (1 << 7) | (1 << 8)
_BASES = (object, dict, list, tuple, set, frozenset, int, float, str, bytes)


class Fingerprint:
    """Describes objects one after the other.

    Attributes:
        words: the description.
        tensors: the handles of the variables and the eager tensors that were
            met, each once, in the order of the description.
    """

    def __init__(self):
        self.words: list[str] = []
        self.tensors: list[tf.Tensor] = []
        # With the objects, or another might get the id of one.
        self._seen: dict[int, tuple[int, Any]] = {}

    def add(self, value: Any) -> None:
        """Describes an object and all that can be reached from it.

        Raises:
            NotKnown: something is of an unknown kind.
        """
        pending = [value]
        while pending:
            word, parts = self._describe(pending.pop())
            # `repr` tells these apart; "*" stands for a word of its own.
            told = [repr(x) if type(x) in _ATOMS else "*" for x in parts]
            self.words.append(f"{word} {told}" if told else word)
            pending += [x for x in reversed(parts) if type(x) not in _ATOMS]

    def digest(self) -> str:
        """Returns what another description would not have, 64 digits."""
        found = hashlib.sha256()
        for word in self.words:
            content = word.encode("utf-8", "surrogatepass")
            found.update(b"%d:" % len(content) + content)
        return found.hexdigest()

    def _describe(self, value: Any) -> Described:
        """Returns what an object is itself, and its parts."""
        if type(value) in _ATOMS:
            return repr(value), ()
        if id(value) in self._seen:
            return f"again {self._seen[id(value)][0]}", ()
        word, parts = self._of_kind(value)
        # The same tuple twice, or two that are equal: which it is depends on
        # whether Python has compiled its text in this process.
        if parts and type(value) is not tuple or type(value) is object:
            self._seen[id(value)] = (len(self._seen), value)
        return word, parts

    def _of_kind(self, value: Any) -> Described:
        if isinstance(value, CODE_TYPES):
            return describe_code(value)
        for describe in (_data, self._tensor, _container):
            found = describe(value)
            if found is not None:
                return found
        return self._instance(value)

    def _tensor(self, value: Any) -> Described | None:
        if isinstance(value, keras.Variable):
            if value._value is None:
                raise NotKnown(f"the variable {value.path}, without a value")
            self.tensors.append(value.value.handle)
            told = (value.path, tuple(value.shape), value.dtype)
            told += (value.trainable, value.aggregation, value.synchronization)
            told += (value._autocast, value.overwrite_with_gradient)
            extras: list[Any] = [value.regularizer, value.constraint]
            for name, attribute in vars(value).items():
                if name[0] != "_":  # Keras' own are.
                    extras += [name, attribute]
            return f"keras variable {told}", extras
        if isinstance(value, tf.Variable):
            self.tensors.append(value.handle)
            told = (value.name, value.shape, value.dtype, value.trainable)
            return f"variable {told}", [None]  # Parts, to be met once.
        if isinstance(value, tf.Tensor):
            if not hasattr(value, "numpy") or value.dtype in _HANDLES:
                raise NotKnown(f"a tensor, {value}")
            self.tensors.append(value)
            return f"tensor {value.device}", [value.numpy()]
        return None

    def _instance(self, value: Any) -> Described:
        """Describes an object of a class that is written in Python."""
        kind = type(value)
        if isinstance(value, keras.Function):
            raise NotKnown("a functional model, which numbers its parts anew")
        base = _base(kind)
        top = kind.__module__.split(".")[0]
        if base not in _BASES or top in ("tensorflow", "threading"):
            raise NotKnown(f"an object of {of_class(kind)}")
        parts: list[Any] = [kind]
        if base is dict:
            parts.append(dict(value))
        elif base is not object:
            parts.append(base(value))
        for name, attribute in _attributes(value):
            parts += [name, attribute]
        return "object", parts


_HANDLES = (tf.resource, tf.variant)


def _data(value: Any) -> Described | None:
    """Describes what has a value and no parts."""
    kind = type(value)
    if isinstance(value, enum.Enum):
        return f"{of_class(kind)} {value.name}", [value.value]
    if kind is bytes:
        return f"bytes {hashlib.sha256(value).hexdigest()}", ()
    if isinstance(value, np.ndarray | np.generic):
        if value.dtype.hasobject:
            raise NotKnown("an array of objects")
        content = hashlib.sha256(np.ascontiguousarray(value).tobytes())
        told = (value.dtype.str, value.shape, content.hexdigest())
        return f"{of_class(kind)} {told}", ()
    if isinstance(value, pathlib.PurePath | np.dtype | tf.DType | range):
        return f"{of_class(kind)} {value!r}", ()
    if isinstance(value, tf.TensorShape | tf.TensorSpec | slice):
        return f"{of_class(kind)} {value!r}", ()
    if isinstance(value, re.Pattern):
        return f"pattern {value.pattern!r} {value.flags}", ()
    if isinstance(value, threading.local):
        held = {k: v for k, v in vars(value).items() if v is not None}
        return of_class(kind), [kind, held]
    if isinstance(value, _NOTED_BY_TYPE) or kind is object:
        return of_class(kind), ()
    return None


def _container(value: Any) -> Described | None:
    """Describes what Python holds others in, or Keras or TensorFlow for it."""
    kind = type(value)
    wrapped = kind.__name__ in _WRAPPERS
    if (
        kind is dict
        or kind is types.MappingProxyType
        or (wrapped and isinstance(value, dict))
    ):
        return "dict", [part for item in value.items() for part in item]
    if kind is list or wrapped and isinstance(value, list):
        return "list", list(value)
    if kind is tuple or wrapped and isinstance(value, tuple):
        return "tuple", list(value)
    if kind in (set, frozenset) or wrapped and isinstance(value, set):
        return "set", sorted(value, key=_digest_of)
    return None


def _digest_of(value: Any) -> str:
    """Returns what gives those of a set an order."""
    known = type(value) in _ATOMS or isinstance(value, tuple | bytes | type)
    if not known and not dataclasses.is_dataclass(value):
        raise NotKnown("a set of objects, which has no order")
    alone = Fingerprint()
    alone.add(value)
    return alone.digest()


def _base(kind: type) -> type:
    """Returns what a class is made of where it is not written in Python."""
    for base in kind.__mro__:
        heap = base.__flags__ & copyreg._HEAPTYPE
        new = base.__dict__.get("__new__")
        native = base.__flags__ & _NATIVE
        if not heap or native or isinstance(new, types.BuiltinFunctionType):
            return base
    return object


def _attributes(value: Any) -> Iterable[tuple[str, Any]]:
    """Yields name and value of what an object has itself."""
    skipped = frozenset()
    if type(value).__module__.startswith("keras.") or isinstance(
        value, keras.Layer | keras.optimizers.Optimizer
    ):
        skipped = _KERAS_NOTES
    if isinstance(value, keras.random.SeedGenerator):
        skipped = skipped | _SEEDS
    if isinstance(value, Noted):
        skipped = frozenset(type(value).noted)
    for name, attribute in getattr(value, "__dict__", {}).items():
        if name not in skipped:
            yield name, attribute
    for base in type(value).__mro__:
        slots = base.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if name not in ("__dict__", "__weakref__"):
                yield name, getattr(value, name, "no value")
