"""Socket Mode: Slack's payloads over a connection that we open, for bots without an address."""

from __future__ import annotations

import logging
from urllib.parse import urlsplit
from urllib.request import proxy_bypass

from pydantic import SecretStr
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp


class _OneLine(logging.Filter):
    """Slack's client logs a traceback each time it cannot connect; the message says it all."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.exc_info = None
        record.exc_text = None
        record.msg, record.args = record.getMessage().splitlines()[0], ()
        return True


def socket_handler(app: AsyncApp, token: SecretStr) -> AsyncSocketModeHandler:
    """Build the handler; `connect_async` tries again by itself until it is connected."""
    logger = logging.getLogger("slack_bolt.rescind.socket")
    logger.setLevel(logging.ERROR)
    if not logger.filters:
        logger.addFilter(_OneLine())
    handler = AsyncSocketModeHandler(
        app, token.get_secret_value(), logger=logger, web_client=app.client
    )
    if proxy_bypass(urlsplit(app.client.base_url).hostname or ""):
        # slack_sdk takes HTTPS_PROXY whatever NO_PROXY says.
        handler.client.proxy = None
    return handler
