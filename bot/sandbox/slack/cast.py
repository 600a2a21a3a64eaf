"""The people and channels every sandbox starts with; their ids are fixed, tests rely on them."""

from dataclasses import dataclass, field
from typing import Literal

TEAM_ID = "T0SANDBOX"
TEAM_NAME = "Riverside Arts"
TEAM_DOMAIN = "riverside-arts"
APP_ID = "A0RESCIND"
BOT_USER = "U0RESCIND"
BOT_ID = "B0RESCIND"
BOT_NAME = "rescind"
SLACKBOT = "USLACKBOT"
VERIFICATION_TOKEN = "sandbox-verification-token"

Role = Literal["requester", "approver", "guest", "bot"]
Kind = Literal["public", "private", "im"]


@dataclass(frozen=True)
class User:
    id: str
    name: str
    real_name: str
    role: Role
    color: str
    is_restricted: bool = False

    @property
    def is_bot(self) -> bool:
        return self.role == "bot"


@dataclass
class Channel:
    id: str
    name: str
    kind: Kind
    members: set[str]
    topic: str = ""
    archived: bool = False
    created: int = field(default=1_700_000_000)

    @property
    def is_private(self) -> bool:
        return self.kind != "public"


@dataclass(frozen=True)
class UserGroup:
    id: str
    handle: str
    users: tuple[str, ...]


def first_users() -> tuple[User, ...]:
    return (
        User("U0REQUEST", "robin.quill", "Robin Quill", "requester", "#1d7a8c"),
        User("U0APPROVE", "avery.stone", "Avery Stone", "approver", "#8a4fbf"),
        User("U0SECOND", "sam.ito", "Sam Ito", "approver", "#b4552d"),
        User("U0GUEST", "gale.moss", "Gale Moss", "guest", "#5f7a2b", is_restricted=True),
        User(BOT_USER, BOT_NAME, "Rescind", "bot", "#3b2f63"),
        User(SLACKBOT, "slackbot", "Slackbot", "bot", "#757575"),
    )


def first_channels() -> tuple[Channel, ...]:
    staff = {"U0REQUEST", "U0APPROVE", "U0SECOND"}
    everyone = {*staff, "U0GUEST"}
    return (
        Channel(
            "C0REFUNDS", "refunds", "public", {*everyone, BOT_USER}, "Cancellations and refunds"
        ),
        Channel("C0BOXOFF", "box-office", "private", {*staff, BOT_USER}, "Box office, staff only"),
        Channel("C0GENERAL", "general", "public", set(everyone), "Everybody, everything"),
        Channel(
            "C0ARCHIVE", "old-season", "public", {*staff, BOT_USER}, "Last season", archived=True
        ),
    )


def first_user_groups() -> tuple[UserGroup, ...]:
    return (UserGroup("S0APPROVE", "refund-approvers", ("U0APPROVE", "U0SECOND")),)
