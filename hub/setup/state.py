"""Whether this box still has to be set up. Asked at every start, so it brings in nothing."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path


def asks_to_be_set_up(config: Path | None, environment: Mapping[str, str]) -> bool:
    """Nobody has said which store this is, and there is a settings file of ours to write it into."""
    if config is None or environment.get("STOREHUB_STORE_ID"):
        return False
    try:
        said = tomllib.loads(config.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False  # The settings themselves complain of it.
    return "store_id" not in said and os.access(config.parent, os.W_OK)
