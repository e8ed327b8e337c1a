"""What happens to a check between its opening and its end."""

from __future__ import annotations

from typing import Any

DECISIONS: dict[type[Any], Any] = {}
