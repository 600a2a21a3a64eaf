"""Logging: structlog and the standard library in one stream, without secrets and people's data."""

from bot.logs.pipeline import configure

__all__ = ["configure"]
