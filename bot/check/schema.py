"""A database schema's revision against those that this version knows."""

from __future__ import annotations

from pathlib import Path

from alembic.script import ScriptDirectory

from bot.check.finding import Finding, ok, warning, wrong
from bot.store import migrations

_WHAT = "schema"


def about_schema(revision: str | None, *, migrates_itself: bool) -> Finding:
    """Grade a revision; None: there are no tables yet. `migrates_itself`: at the start."""
    scripts = ScriptDirectory(str(Path(migrations.__file__).parent))
    head = scripts.get_current_head()
    if revision == head:
        return ok(_WHAT, f"{head}, up to date.")
    if revision is not None and revision not in {
        step.revision for step in scripts.walk_revisions()
    }:
        return wrong(
            _WHAT,
            f"{revision} was made by a newer version of Rescind, which this one does not touch.",
            "Start that version, or restore a backup from before it.",
        )
    if not migrates_itself:
        return wrong(
            _WHAT,
            f"{revision or 'There are no tables yet'}; this version needs {head}.",
            "Run `rescind migrate`; without it nothing starts.",
        )
    if revision is None:
        return ok(_WHAT, f"There are no tables yet; the next start makes {head}.")
    return warning(
        _WHAT,
        f"{revision}, which the next start will bring to {head}.",
        "Make a backup first; the version that runs now may not know the new schema.",
    )
