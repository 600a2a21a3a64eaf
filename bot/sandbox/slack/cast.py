"""The people, channels and groups every sandbox starts with; tests rely on their fixed ids."""

from dataclasses import dataclass, field
from typing import Literal

TEAM_ID = "T0SANDBOX"
TEAM_NAME = "Riverside Arts"
TEAM_DOMAIN = "riverside-arts"
PARTNER_TEAM = "T0PARTNER"
PARTNER_NAME = "Lakeside Hall"
PARTNER_DOMAIN = "lakeside-hall"
APP_ID = "A0RESCIND"
BOT_USER = "U0RESCIND"
BOT_ID = "B0RESCIND"
BOT_NAME = "rescind"
SLACKBOT = "USLACKBOT"
VERIFICATION_TOKEN = "sandbox-verification-token"

Role = Literal["requester", "approver", "member", "guest", "partner", "app", "bot"]
Kind = Literal["public", "private", "im"]


@dataclass(frozen=True, slots=True)
class User:
    """`teams`: the workspaces of an organisation they are in, where that is not `team_id` alone.

    `is_stranger` is what Slack is made to say; by itself it says whether somebody of another
    workspace shares no channel with the bot.
    """

    id: str
    name: str
    real_name: str
    role: Role
    color: str
    is_restricted: bool = False
    is_ultra_restricted: bool = False
    is_bot: bool = False
    is_app_user: bool = False
    deleted: bool = False
    team_id: str = TEAM_ID
    teams: tuple[str, ...] = ()
    is_stranger: bool | None = None

    @property
    def is_guest(self) -> bool:
        return self.is_restricted or self.is_ultra_restricted

    @property
    def is_machine(self) -> bool:
        """Nobody to write to; Slackbot, oddly, is no bot to Slack."""
        return self.is_bot or self.id == SLACKBOT

    @property
    def workspaces(self) -> tuple[str, ...]:
        return self.teams or (self.team_id,)


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


@dataclass(frozen=True, slots=True)
class UserGroup:
    id: str
    handle: str
    users: tuple[str, ...]
    disabled: bool = False


@dataclass(frozen=True, slots=True)
class Organisation:
    """What the workspace is part of (Enterprise Grid); `teams` are its workspaces.

    `user_team_id` stands in payloads for every member's own team: Slack sends another workspace of
    theirs there (bolt-js issue 1875), or the organisation's id (documentation of
    block_suggestion).
    """

    id: str
    name: str
    teams: tuple[str, ...] = (TEAM_ID,)
    user_team_id: str | None = None
    is_installed_on_all: bool = False

    def has(self, user: User) -> bool:
        return not set(self.teams).isdisjoint(user.workspaces)


def first_users() -> tuple[User, ...]:
    return (
        User("U0REQUEST", "robin.quill", "Robin Quill", "requester", "#1d7a8c"),
        User("U0APPROVE", "avery.stone", "Avery Stone", "approver", "#8a4fbf"),
        User("U0SECOND", "sam.ito", "Sam Ito", "approver", "#b4552d"),
        User("U0MEMBER", "noor.hale", "Noor Hale", "member", "#2f6fb3"),
        User("U0GUEST", "gale.moss", "Gale Moss", "guest", "#5f7a2b", is_restricted=True),
        User(
            "U0SINGLE",
            "lin.park",
            "Lin Park",
            "guest",
            "#7a6a1f",
            is_restricted=True,
            is_ultra_restricted=True,
        ),
        User("U0PARTNER", "kai.brook", "Kai Brook", "partner", "#a33d63", team_id=PARTNER_TEAM),
        User("U0COURIER", "courier", "Courier", "app", "#3f6b57", is_bot=True),
        User("U0LEFT", "ezra.fenn", "Ezra Fenn", "member", "#6b6f7a", deleted=True),
        User(BOT_USER, BOT_NAME, "Rescind", "bot", "#3b2f63", is_bot=True),
        User(SLACKBOT, "slackbot", "Slackbot", "bot", "#757575"),
    )


def first_channels() -> tuple[Channel, ...]:
    staff = {"U0REQUEST", "U0APPROVE", "U0SECOND", "U0MEMBER"}
    everyone = {*staff, "U0GUEST"}
    refunds = {*everyone, "U0SINGLE", "U0COURIER", "U0LEFT", BOT_USER}
    return (
        Channel("C0REFUNDS", "refunds", "public", refunds, "Cancellations and refunds"),
        Channel("C0BOXOFF", "box-office", "private", {*staff, BOT_USER}, "Box office, staff only"),
        Channel("C0GENERAL", "general", "public", set(everyone), "Everybody, everything"),
        Channel(
            "C0PARTNER",
            "touring",
            "public",
            {*staff, "U0PARTNER", BOT_USER},
            f"Shared with {PARTNER_NAME}, who use a Slack of their own",
        ),
        Channel(
            "C0ARCHIVE", "old-season", "public", {*staff, BOT_USER}, "Last season", archived=True
        ),
    )


def first_user_groups() -> tuple[UserGroup, ...]:
    """S0FORMER has a member and yet nobody who could do anything."""
    return (
        UserGroup("S0APPROVE", "refund-approvers", ("U0APPROVE", "U0SECOND")),
        UserGroup("S0FINANCE", "finance", ("U0SECOND",)),
        UserGroup("S0EMPTY", "season-helpers", ()),
        UserGroup("S0FORMER", "former-managers", ("U0LEFT",)),
        UserGroup("S0DISABLED", "old-approvers", ("U0APPROVE", "U0SECOND"), disabled=True),
    )
