"""A strict local stand-in for Slack and ACME Ticketing, with a web page to watch and drive it.

An independent witness of the bot: it imports nothing from the rest of `bot`, and only the
command line starts it (`bot.sandbox.server`).
"""
