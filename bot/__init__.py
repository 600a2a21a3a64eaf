"""Rescind: a Slack bot with which ticketing support teams cancel and refund orders safely."""

__version__ = "0.1.0"
