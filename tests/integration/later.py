"""`python -m bot` with a clock that a test puts forward; run as a module, in place of the bot.

What waits for people and remembers them goes by this clock; Slack's signatures do not.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest import mock

from bot.__main__ import main

# By how many seconds; where there is no such file, not at all.
_SECONDS = Path(os.environ.get("SECONDS_LATER", "seconds-later"))


def _now() -> datetime:
    seconds = float(_SECONDS.read_text(encoding="utf-8")) if _SECONDS.exists() else 0.0
    return datetime.now(UTC) + timedelta(seconds=seconds)


if __name__ == "__main__":
    with mock.patch("bot.app._now", _now):
        main()
