"""What must survive a crash: reading and quoting, executing and settling, telling people."""

from bot.workflows.engine import Engine, EngineError
from bot.workflows.workflows import Workflows

__all__ = ["Engine", "EngineError", "Workflows"]
