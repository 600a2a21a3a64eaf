"""The Bolt app: which payload goes to which listener."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.ruling import Action
from bot.slack.cards import modals
from bot.slack.listeners.clicks import Clicks
from bot.slack.listeners.commands import Commands
from bot.slack.listeners.failures import answer_failure
from bot.slack.listeners.forms import Forms
from bot.slack.listeners.front import Front
from bot.slack.listeners.shortcuts import Shortcuts

COMMAND = "/cancel-order"


def build_app(front: Front, client: AsyncWebClient) -> AsyncApp:
    """Build the app. `process_before_response`: Bolt's default polls for the ack every 10 ms."""
    app = AsyncApp(
        name="rescind",
        logger=_bolt_log(),
        client=client,
        authorize=_authorizer(client.token),
        process_before_response=True,
        # `guard` has verified the request over its raw bytes; Socket Mode is verified by its token.
        request_verification_enabled=False,
        # For events, of which we take none, and for Slack's old certificate check.
        ignoring_self_events_enabled=False,
        url_verification_enabled=False,
        ssl_check_enabled=False,
        attaching_function_token_enabled=False,
        raise_error_for_unhandled_request=True,
    )
    commands, clicks = Commands(front), Clicks(front)
    forms, shortcuts = Forms(front), Shortcuts(front)
    app.command(COMMAND)(commands.cancel_order)
    for action in (Action.APPROVE, Action.TAKE_BACK, Action.WITHDRAW, Action.RECHECK):
        app.action(action.value)(clicks.decide)
    for action in (Action.EDIT, Action.REJECT, Action.RESOLVE, Action.BREAK_GLASS):
        app.action(action.value)(clicks.open_form)
    app.view(modals.CANCEL_ORDER)(forms.cancel_order)
    app.view(modals.CHOOSE_TICKETS)(forms.choose_tickets)
    app.view(modals.REJECT_REASON)(forms.reject_reason)
    app.view(modals.RESOLVE)(forms.resolve)
    app.view(modals.BREAK_GLASS)(forms.break_glass)
    app.shortcut("cancel_order_global")(shortcuts.from_anywhere)
    app.shortcut("cancel_order_message")(shortcuts.from_message)
    app.error(answer_failure(front))
    return app


def _bolt_log() -> logging.Logger:
    """Bolt's own log, errors only: it warns of the token in the environment, and quotes bodies."""
    logger = logging.getLogger("slack_bolt.rescind")
    logger.setLevel(logging.ERROR)
    return logger


def _authorizer(token: str | None) -> Callable[[], Awaitable[AuthorizeResult]]:
    """One workspace, one token: nothing to look up, and above all not within Slack's 3 s."""
    result = AuthorizeResult(enterprise_id=None, team_id=None, bot_token=token)

    async def authorize() -> AuthorizeResult:
        return result

    return authorize
