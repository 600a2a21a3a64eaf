"""The seed's story, told by driving the sandbox as people would: ask, look, approve, read.

`Workspace` is the remote control, also used by the tests; `tell` is the story.
"""

import re
import time
from collections.abc import Callable
from typing import Any

import httpx

Json = dict[str, Any]

REQUESTER, APPROVER = "U0REQUEST", "U0APPROVE"
CHANNEL, ORDER = "C0REFUNDS", "26644388"
_WAIT_SECONDS = 20.0


class StoryError(Exception):
    """Something did not go as it should; the message says what."""


class Workspace:
    """People in the sandbox: what they type and click, and what they see."""

    def __init__(self, base_url: str) -> None:
        self._http = httpx.Client(base_url=base_url, timeout=15)

    def close(self) -> None:
        self._http.close()

    def get(self, path: str, **query: str) -> Json:
        answer: Json = self._http.get(path, params=query).raise_for_status().json()
        return answer

    def post(self, path: str, **body: Any) -> Json:  # noqa: ANN401 - JSON
        answer: Json = self._http.post(path, json=body).raise_for_status().json()
        return answer

    def command(self, text: str, user: str = REQUESTER, channel: str = CHANNEL) -> Json:
        """Type `/cancel-order {text}`."""
        return self.post(
            "/ui/command", user=user, channel=channel, command="/cancel-order", text=text
        )

    def state(self, user: str = REQUESTER, channel: str = CHANNEL) -> Json:
        return self.get("/ui/state", user=user, channel=channel)

    def messages(self, user: str = REQUESTER, channel: str = CHANNEL) -> list[Json]:
        found: list[Json] = self.state(user, channel)["messages"]
        return found

    def cards(self, order: str, channel: str = CHANNEL) -> list[Json]:
        """The bot's top-level public messages about an order id, oldest first."""
        return [
            message
            for message in self.messages(channel=channel)
            if message["bot"]
            and not message["ephemeral"]
            and message["thread_ts"] in {None, message["ts"]}
            and f"order id {order}" in words(message)
        ]

    def replies(self, card: Json) -> list[Json]:
        return [
            message
            for message in self.messages(channel=card["channel"])
            if message["thread_ts"] == card["ts"] and message["ts"] != card["ts"]
        ]

    def private(self, user: str = REQUESTER, channel: str = CHANNEL) -> list[str]:
        """What only `user` sees, oldest first."""
        return [words(item) for item in self.messages(user, channel) if item["ephemeral"]]

    def click(self, card: Json, action_id: str, user: str = APPROVER) -> Json:
        """Click a button as it stands on `card`, which may be an outdated copy."""
        for block in card["blocks"]:
            for element in block.get("elements", []):
                if element.get("action_id") == action_id:
                    return self.post(
                        "/ui/action",
                        user=user,
                        channel=card["channel"],
                        message_ts=card["ts"],
                        block_id=block["block_id"],
                        action_id=action_id,
                        value=element.get("value"),
                    )
        raise StoryError(f"the card has no {action_id} button")

    def form(self, callback_id: str, user: str = REQUESTER) -> Json:
        """Wait for the modal that stands before somebody."""

        def look() -> Json | None:
            views = self.state(user)["views"]
            return views[-1] if views and views[-1]["callback_id"] == callback_id else None

        form: Json = self.wait_for(f"the form {callback_id}", look)
        return form

    def submit(self, form: Json, user: str = REQUESTER, **entered: str) -> Json:
        """Submit a modal; `entered` by block id (`line_7` stands for `line:7`).

        Text is typed, the value of an option or the id of a conversation is chosen. A refusal
        bears `errors` by block id, and the modal stays.
        """
        values = {}
        for name, value in entered.items():
            block_id = name.replace("line_", "line:", 1)
            element = next(b for b in form["blocks"] if b["block_id"] == block_id)["element"]
            values[block_id] = {element["action_id"]: _entered(element["type"], value)}
        return self.post("/ui/submit", user=user, view_id=form["id"], values=values)

    def dismiss(self, form: Json, user: str = REQUESTER) -> None:
        """Close a modal without submitting it."""
        self.post("/ui/close", user=user, view_id=form["id"])

    def shortcut(self, callback_id: str, user: str = REQUESTER, **where: str) -> Json:
        """Use a shortcut; one on a message needs `channel` and `message_ts`."""
        return self.post("/ui/shortcut", user=user, callback_id=callback_id, **where)

    def say(self, text: str, user: str = REQUESTER, channel: str = CHANNEL) -> str:
        """Write an ordinary message; return its ts."""
        return str(self.post("/ui/message", user=user, channel=channel, text=text)["ts"])

    def copy(self, template: str = ORDER) -> tuple[str, str]:
        """Make a fresh order like another one; return its id and its number."""
        made = self.post("/ui/orders", template=template)
        return str(made["id"]), str(made["number"])

    def fault(self, order: str, name: str | None, **how: float) -> None:
        """Make ACME misbehave about an order; `how` is `seconds` and `times`."""
        answer = self.post(f"/ui/orders/{order}/fault", fault=name, **how)
        if not answer["ok"]:
            raise StoryError(str(answer["message"]))

    def slack_fault(self, method: str, kind: str | None, **how: float) -> None:
        """Make a Web API method misbehave; `how` is `times`, `seconds` and `retry_after`."""
        answer = self.post("/ui/slack/fault", method=method, kind=kind, **how)
        if not answer["ok"]:
            raise StoryError(str(answer["message"]))

    def slack_calls(self, method: str) -> list[Json]:
        found: list[Json] = self.get("/ui/slack/calls", method=method)["calls"]
        return found

    def order(self, order: str) -> Json:
        """What the upstream holds."""
        return self.get(f"/ui/orders/{order}")

    def upstream_requests(self, order: str) -> list[Json]:
        found: list[Json] = self.get("/ui/acme/requests", order=order)["requests"]
        return found

    def wait_for(self, what: str, look: Callable[[], Any], seconds: float = _WAIT_SECONDS) -> Any:  # noqa: ANN401
        """Look until there is something to see; StoryError names what never came."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = look()
            if found:
                return found
            time.sleep(0.03)
        raise StoryError(f"{what} did not appear within {seconds:.0f} s")

    def card(self, order: str, saying: str = "", channel: str = CHANNEL) -> Json:
        """Wait for an order's latest card to say something."""

        def look() -> Json | None:
            found = [card for card in self.cards(order, channel) if saying in words(card)]
            return found[-1] if found else None

        card: Json = self.wait_for(f"the card of order {order} saying “{saying}”", look)
        return card

    def reply(self, card: Json, saying: str = "") -> Json:
        """Wait for a reply in a card's thread to say something."""

        def look() -> Json | None:
            found = [item for item in self.replies(card) if saying in words(item)]
            return found[-1] if found else None

        reply: Json = self.wait_for(f"a reply saying “{saying}”", look)
        return reply


def _entered(kind: str, value: str) -> Json:
    """The state that an element of a modal takes on."""
    match kind:
        case "static_select":
            return {"type": kind, "selected_option": {"value": value}}
        case "conversations_select":
            return {"type": kind, "selected_conversation": value}
        case _:
            return {"type": kind, "value": value}


def words(message: Json) -> str:
    """All text of a message, as a reader meets it; the fallback text if there are no blocks."""
    found = list(_texts(message.get("blocks") or []))
    return "\n".join(found) if found else str(message.get("text", ""))


def _texts(part: Any) -> Any:  # noqa: ANN401 - walks any JSON
    if isinstance(part, dict):
        if part.get("type") == "actions":
            yield "   ".join(f"[{element['text']['text']}]" for element in part["elements"])
            return
        if isinstance(part.get("text"), str):
            yield part["text"]
        for key, value in part.items():
            if key not in {"confirm", "placeholder"} and isinstance(value, dict | list):
                yield from _texts(value)
    elif isinstance(part, list):
        for item in part:
            yield from _texts(item)


def tell(base_url: str, say: Callable[..., None]) -> None:
    """Play the story; StoryError if anything, above all the money, is not as in the seed."""
    workspace = Workspace(base_url)
    try:
        _tell(workspace, say)
    finally:
        workspace.close()


def _tell(workspace: Workspace, say: Callable[..., None]) -> None:
    before = workspace.order(ORDER)
    say(f"ACME holds order {ORDER}: {_holding(before)}", "")

    say(f"Robin   /cancel-order {ORDER} guest is ill")
    answer = workspace.command(f"{ORDER} guest is ill")
    _expect(answer["ok"], f"the command was not acknowledged: {answer}")
    card = workspace.card(ORDER, "waiting for approval")
    _quote(say, "rescind", card)

    say("Avery   clicks Approve, and confirms")
    answer = workspace.click(card, "approve")
    _expect(answer["ok"], f"the click was not acknowledged: {answer}")
    done = workspace.card(ORDER, "· cancelled")
    reply = workspace.reply(done, "Refunded $400.00")
    _quote(say, "rescind", done)
    _quote(say, "rescind (in the thread)", reply)

    after = workspace.order(ORDER)
    say(f"ACME holds order {ORDER}: {_holding(after)}")
    changes = [item for item in workspace.upstream_requests(ORDER) if item["method"] == "POST"]
    _expect(len(changes) == 1, f"ACME was asked to change the order {len(changes)} times")
    body = {"orderId": ORDER, "orderItems": [{"orderItemId": "38042229", "quantity": 0}]}
    _expect(changes[0]["body"] == body, f"ACME received {changes[0]['body']}")
    _expect(str(after["refunded"]) == "400.00", f"ACME refunded {after['refunded']}")
    _expect(str(after["total"]) == "0.00", f"the order's total is {after['total']}")
    for figure in ("100130807", "$400.00", "$0.00", "4 × General Admission"):
        _expect(figure in words(reply), f"the refund details do not state {figure}")


def _expect(held: bool, otherwise: str) -> None:
    if not held:
        raise StoryError(otherwise)


def _holding(order: Json) -> str:
    lines = ", ".join(f"{line['quantity']} × {line['name']}" for line in order["lines"])
    return f"{lines}; total {order['total']}, refunded {order['refunded']} {order['currency']}"


def _quote(say: Callable[..., None], speaker: str, message: Json) -> None:
    """Print a message as plain text."""
    text = re.sub(r"<!date\^[^|]*\|([^>]*)>", r"\1", words(message))
    text = text.replace(f"<@{REQUESTER}>", "@Robin").replace(f"<@{APPROVER}>", "@Avery")
    text = text.replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">")
    text = re.sub(r":[a-z_]+: ?", "", text).replace("*", "")
    say(f"{speaker}", *(f"        {line}" for line in text.splitlines()), "")
