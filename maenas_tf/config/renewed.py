"""What older versions called a setting.

A setting that an older run does not know takes its default, and an unknown
one is refused; what was renamed is neither.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Of 0.1.0, of p_darts alone, which had 2 by default.
_STAGE_MAX_SKIPS, _ITS_DEFAULT = "stage_max_skips", 2


def renewed(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the settings of a config.json by today's names.

    Args:
        settings: name to value, of this version or an older one.
    """
    found = dict(settings)
    most = found.pop(_STAGE_MAX_SKIPS, _ITS_DEFAULT)
    if found.get("algorithm") == "p_darts" and most != _ITS_DEFAULT:
        found["max_skips"] = most
    return found
