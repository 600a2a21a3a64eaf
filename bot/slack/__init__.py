"""Slack: what comes in (guard, listeners) and what goes out (poster, desk, cards)."""
