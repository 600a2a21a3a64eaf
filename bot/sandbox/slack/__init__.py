"""Slack's half of the sandbox: a Web API as strict as the real one, and signed deliveries to a bot.

`SlackSandbox` (in `workspace`) holds the state; `api` and `response_url` are what the bot calls;
`commands`, `clicks`, `modals` and `shortcuts` are what people do, told to the bot by `delivery`.
"""
