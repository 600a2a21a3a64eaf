"""The `[policy]` tables of `rescind.toml`: checked, a venue's own laid over everybody's."""

from bot.policy_file.policy import PolicySettings
from bot.policy_file.tables import FileModel
from bot.policy_file.values import ChannelId, Currency

__all__ = ["ChannelId", "Currency", "FileModel", "PolicySettings"]
