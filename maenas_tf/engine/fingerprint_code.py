"""Functions and classes in words that are the same in every process.

Those of the library below this package, and of Python, are what their names
say, as the versions of all that is installed are told beside them. Of others,
which may be written anew from one run to the next or put in another's place, it
is what they are compiled to, and what they read by name.
"""

from __future__ import annotations

import functools
import hashlib
import os
import site
import sys
import sysconfig
import types
import typing
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

Described = tuple[str, Sequence[Any]]
OURS = __name__.split(".")[0]

_CACHED = type(functools.lru_cache(lambda: None))
_ALIASES = (
    types.GenericAlias,
    types.UnionType,
    typing.TypeVar,
    typing.ParamSpec,
    type(typing.Any),
    type(typing.Union[int, str]),  # noqa: UP007
    type(typing.Sequence[int]),
    type(typing.Sequence),
    type(typing.Callable),
)
CODE_TYPES = (
    type,
    types.FunctionType,
    types.MethodType,
    types.BuiltinFunctionType,
    types.ModuleType,
    types.CodeType,
    functools.partial,
    _CACHED,
    staticmethod,
    classmethod,
    property,
    functools.cached_property,
    np.ufunc,
    *_ALIASES,
)
# Of a class, what does not tell what it does.
_NOT_TOLD = frozenset(
    """__module__ __dict__ __weakref__ __doc__ __annotations__ __slots__
    __qualname__ __abstractmethods__ _abc_impl __parameters__ __orig_bases__
    __dataclass_fields__ __dataclass_params__ __match_args__ __protocol_attrs__
    __non_callable_proto_members__ __hash__ __slotnames__
    _is_protocol""".split()
)
# By these a function of a plug-in reads what no description has.
_OUTWARD = frozenset(
    """FLAGS argv environ environb fromfile getenv gmtime input load loadtxt
    localtime monotonic open perf_counter read_bytes read_file read_text time
    time_ns today token_bytes urandom uuid4""".split()
)
_PLAIN = (bool, int, float, complex, str, bytes, type(None), type(...))


class NotKnown(Exception):
    """Something a trace may read is of a kind that cannot be described."""


def of_class(kind: type) -> str:
    """Returns the full name of a class."""
    return f"{kind.__module__}.{kind.__qualname__}"


@functools.cache
def _library_folders() -> tuple[str, ...]:
    names = ("stdlib", "platstdlib", "purelib", "platlib")
    folders = [sysconfig.get_path(name) for name in names]
    folders += [*site.getsitepackages(), site.getusersitepackages()]
    return tuple({os.path.realpath(folder) + os.sep for folder in folders})


@functools.cache
def _is_library_file(file: str) -> bool:
    return os.path.realpath(file).startswith(_library_folders())


@functools.cache
def is_library(name: str) -> bool:
    """Returns whether a module is installed, and is none of this package."""
    top = name.split(".")[0]
    if top in ("__main__", "__mp_main__", OURS):
        return False
    if top in sys.builtin_module_names:
        return True
    module = sys.modules.get(name) or sys.modules.get(top)
    spec = getattr(module, "__spec__", None)
    if spec is not None and spec.origin in ("built-in", "frozen"):
        return True
    file = getattr(module, "__file__", None)
    return file is not None and _is_library_file(file)


def describe_code(value: Any) -> Described:
    """Describes a function, a class or something made of them."""
    if isinstance(value, type) and not isinstance(value, _ALIASES):
        return _class(value)
    if isinstance(value, types.FunctionType):
        return _function(value)
    if isinstance(value, types.MethodType):
        return "method", [value.__self__, value.__func__]
    if isinstance(value, types.BuiltinFunctionType):
        owner = value.__self__
        if owner is None or isinstance(owner, types.ModuleType | type):
            return f"builtin {value.__module__} {value.__qualname__}", ()
        return f"builtin {value.__name__}", [owner]
    if isinstance(value, functools.partial):
        return "partial", [value.func, *value.args, dict(value.keywords)]
    if isinstance(value, _CACHED | staticmethod | classmethod):
        return type(value).__name__, [value.__wrapped__]
    if isinstance(value, property):
        return "property", [value.fget, value.fset, value.fdel]
    if isinstance(value, functools.cached_property):
        return "cached property", [value.func]
    if isinstance(value, types.ModuleType):
        return f"module {value.__name__}", ()
    if isinstance(value, types.CodeType):
        return _code(value)
    return f"{type(value).__name__} {value!r}", ()


def _code(code: types.CodeType) -> Described:
    told = (
        hashlib.sha256(code.co_code).hexdigest(),
        hashlib.sha256(code.co_exceptiontable).hexdigest(),
        (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount),
        (code.co_flags, code.co_names, code.co_varnames),
        (code.co_freevars, code.co_cellvars),
    )
    return f"code {told}", list(code.co_consts)


def _function(function: types.FunctionType) -> Described:
    word = f"function {function.__module__} {function.__qualname__}"
    parts: list[Any] = [function.__defaults__, function.__kwdefaults__]
    for cell in function.__closure__ or ():
        try:
            parts.append(cell.cell_contents)
        except ValueError:
            parts.append("nothing yet")
    if is_library(function.__module__ or ""):
        return word, parts
    parts.append(function.__code__)
    if (function.__module__ or "").split(".")[0] != OURS:
        outward = _OUTWARD.intersection(_names(function.__code__))
        if outward:
            raise NotKnown(f"{word}, which names {min(outward)}")
    for name, attribute in vars(function).items():
        if name == "__wrapped__" or isinstance(attribute, _PLAIN):
            parts += [name, attribute]
    parts += _globals(function)
    return word, parts


def _globals(function: types.FunctionType) -> Iterator[Any]:
    """Yields what a function reads by a name that is not its own."""
    names = list(dict.fromkeys(_names(function.__code__)))
    for name in names:
        if name in function.__globals__:
            found = function.__globals__[name]
            yield name
            yield from _told(found, function.__module__)
            if isinstance(found, types.ModuleType):
                yield from _of_module(found.__name__, names)


def _of_module(
    name: str, names: Sequence[str], above: tuple[str, ...] = ()
) -> Iterator[Any]:
    """Yields what is read of a module, which may be one that loads late."""
    module = sys.modules.get(name)
    if module is None or name in above or is_library(name):
        return
    for attribute in names:
        if attribute in vars(module):
            found = vars(module)[attribute]
            yield attribute
            yield from _told(found, name)
            if isinstance(found, types.ModuleType):
                yield from _of_module(found.__name__, names, (*above, name))


def _names(code: types.CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _names(constant)


def _told(value: Any, module: str | None) -> Iterator[Any]:
    """Yields a value that a function or a class of a module has by name.

    This package's own data are in its text, and no run changes them but those
    that are told elsewhere.
    """
    ours = (module or "").split(".")[0] == OURS
    if ours and not isinstance(value, (*CODE_TYPES, *_PLAIN, tuple)):
        yield of_class(type(value))
    else:
        yield value


def _class(kind: type) -> Described:
    word = f"class {of_class(kind)}"
    if is_library(kind.__module__):
        return word, ()
    parts: list[Any] = list(kind.__bases__)
    for name, attribute in sorted(vars(kind).items()):
        if name in _NOT_TOLD or isinstance(
            attribute, types.MemberDescriptorType | types.GetSetDescriptorType
        ):
            continue
        parts += [name, *_told(attribute, kind.__module__)]
    return word, parts
