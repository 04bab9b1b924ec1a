"""The search spaces by name; importing `maenas_tf.spaces` fills it."""

from __future__ import annotations

from typing import Any

from maenas_tf.registry import Registry

SPACES: Registry[Any] = Registry("search space")
