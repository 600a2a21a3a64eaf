"""`rescind.toml`: every line checked, each mistake told by its path and in our words."""

from bot.config_file.file import ExecutionSettings, File, RetentionSettings, VenueSettings
from bot.config_file.policy import PolicySettings
from bot.config_file.values import Currency, WebAddress
from bot.config_file.words import mistake, shown, told

__all__ = [
    "Currency",
    "ExecutionSettings",
    "File",
    "PolicySettings",
    "RetentionSettings",
    "VenueSettings",
    "WebAddress",
    "mistake",
    "shown",
    "told",
]
