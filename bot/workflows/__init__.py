"""What must survive a crash: reading and quoting, executing and settling, telling people."""

from bot.workflows.engine import Engine
from bot.workflows.place import PlaceError, place_for
from bot.workflows.workflows import Workflows

__all__ = ["Engine", "PlaceError", "Workflows", "place_for"]
