"""Domain values to what people read: Block Kit messages, modals and sentences. Pure functions."""

from bot.slack.cards.alarm import alarm
from bot.slack.cards.card import card
from bot.slack.cards.message import Message
from bot.slack.cards.reminder import reminder
from bot.slack.cards.result import reply

__all__ = ["Message", "alarm", "card", "reminder", "reply"]
