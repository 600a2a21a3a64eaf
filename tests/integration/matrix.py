"""The matrix: who presses what, in which state, and what comes of it. `test_matrix` plays it.

A column is a kind of actor, a row a button of the card or, `… sent`, the form behind one. What a
cell means says the legend; whoever is refused is told so privately, and nothing changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bot.domain.request import State

# Everybody but `member` and `finance` is on the list of approvers: who is not let in all the same
# is kept out by what they are.
ACTORS: Mapping[str, str] = {
    "requester": "U0REQUEST",
    "member": "U0MEMBER",  # a full member who is no approver
    "finance": "U0FINANCE",  # approves at the next tier only
    "first": "U0APPROVE",  # an approver; where there is one vote, it is theirs
    "second": "U0SECOND",  # another one, who may also approve alone in an emergency
    "guest": "U0GUEST",
    "single": "U0SINGLE",  # a guest of a single channel
    "partner": "U0PARTNER",  # of another workspace, in a shared channel
    "robot": "U0COURIER",
    "leaver": "U0LEFT",  # deactivated while the click was on its way
    "nobody": "U0UNSEEN",  # a full member whom Slack does not tell about just now
}

NOT_DECIDED = """
                   requester member finance first  second guest single partner robot leaver nobody
approve            own       list   list    +1     +1     guest guest  abroad  robot left   unsure
reject             mine      list   form    form   form   guest guest  abroad  robot left   unsure
reject sent        mine      list   no!     no!    no!    guest guest  abroad  robot left   unsure
take_back          nothing   nothing nothing nothing nothing guest guest abroad robot left   unsure
break_glass        glass     glass  glass   glass  form   guest guest  abroad  robot left   unsure
break_glass sent   glass     glass  glass   glass  alone! guest guest  abroad  robot left   unsure
edit               form      asker  asker   asker  asker  guest guest  abroad  robot left   unsure
edit sent          chosen!   asker  asker   asker  asker  guest guest  abroad  robot left   unsure
withdraw           withdrawn! asker asker   asker  asker  guest guest  abroad  robot left   unsure
recheck            again     again  again   again  again  guest guest  abroad  robot left   unsure
resolve            again     again  again   again  again  guest guest  abroad  robot left   unsure
resolve sent       again     again  again   again  again  guest guest  abroad  robot left   unsure
"""

ONE_VOTE_OF_TWO = """
                   requester member finance first  second guest single partner robot leaver nobody
approve            own       list   list    once   yes!   guest guest  abroad  robot left   unsure
reject             mine      list   form    form   form   guest guest  abroad  robot left   unsure
reject sent        mine      list   no!     no!    no!    guest guest  abroad  robot left   unsure
take_back          nothing   nothing nothing back! nothing guest guest abroad  robot left   unsure
break_glass        glass     glass  glass   glass  form   guest guest  abroad  robot left   unsure
break_glass sent   glass     glass  glass   glass  alone! guest guest  abroad  robot left   unsure
edit               form      asker  asker   asker  asker  guest guest  abroad  robot left   unsure
edit sent          chosen!   asker  asker   asker  asker  guest guest  abroad  robot left   unsure
withdraw           withdrawn! asker asker   asker  asker  guest guest  abroad  robot left   unsure
recheck            again     again  again   again  again  guest guest  abroad  robot left   unsure
resolve            again     again  again   again  again  guest guest  abroad  robot left   unsure
resolve sent       again     again  again   again  again  guest guest  abroad  robot left   unsure
"""

NOT_KNOWN = """
                   requester member finance first  second guest single partner robot leaver nobody
approve            late      late   late    late   late   guest guest  abroad  robot left   unsure
reject             late      late   late    late   late   guest guest  abroad  robot left   unsure
reject sent        late      late   late    late   late   guest guest  abroad  robot left   unsure
take_back          late      late   late    late   late   guest guest  abroad  robot left   unsure
break_glass        late      late   late    late   late   guest guest  abroad  robot left   unsure
break_glass sent   late      late   late    late   late   guest guest  abroad  robot left   unsure
edit               late      late   late    late   late   guest guest  abroad  robot left   unsure
edit sent          late      late   late    late   late   guest guest  abroad  robot left   unsure
withdraw           late      late   late    late   late   guest guest  abroad  robot left   unsure
recheck            look!     look!  look!   look!  look!  guest guest  abroad  robot left   unsure
resolve            others    list   form    form   form   guest guest  abroad  robot left   unsure
resolve sent       others    list   settled! settled! settled! guest guest abroad robot left unsure
"""

# What an outdated rendering of a card can still be clicked for, whatever became of the request.
MOVED_ON = """
                   requester member finance first  second guest single partner robot leaver nobody
approve            late      late   late    late   late   guest guest  abroad  robot left   unsure
reject             late      late   late    late   late   guest guest  abroad  robot left   unsure
reject sent        late      late   late    late   late   guest guest  abroad  robot left   unsure
take_back          late      late   late    late   late   guest guest  abroad  robot left   unsure
break_glass        late      late   late    late   late   guest guest  abroad  robot left   unsure
break_glass sent   late      late   late    late   late   guest guest  abroad  robot left   unsure
edit               late      late   late    late   late   guest guest  abroad  robot left   unsure
edit sent          late      late   late    late   late   guest guest  abroad  robot left   unsure
withdraw           late      late   late    late   late   guest guest  abroad  robot left   unsure
recheck            late      late   late    late   late   guest guest  abroad  robot left   unsure
resolve            late      late   late    late   late   guest guest  abroad  robot left   unsure
resolve sent       late      late   late    late   late   guest guest  abroad  robot left   unsure
"""

# `requested` is missing: there is no card before the order has been read, so nothing to click.
TABLES: Mapping[str, str] = {
    "pending, no vote": NOT_DECIDED,
    "pending, one vote of two": ONE_VOTE_OF_TWO,
    "approved": MOVED_ON,
    "executing": MOVED_ON,
    "unknown": NOT_KNOWN,
    "done": MOVED_ON,
    "failed": MOVED_ON,
    "rejected": MOVED_ON,
    "withdrawn": MOVED_ON,
    "expired": MOVED_ON,
}

# What somebody is told, in part; `late` is in LATE.
SENTENCES: Mapping[str, str] = {
    "guest": "You are a guest in this workspace; only its full members can do this",
    "abroad": "This belongs to another workspace than yours",
    "robot": "Bots can neither ask for refunds nor decide on them",
    "left": "Your account in this workspace is deactivated",
    "unsure": "The bot could not find out from Slack",
    "list": "You are not among those who may decide on this",
    "asker": "Only <@U0REQUEST>, who asked, can do that",
    "own": "You asked for this yourself, so somebody else must approve it",
    "others": "You asked for this yourself, so somebody else must settle it",
    "mine": "This is your own request: use *Withdraw*",
    "once": "You approved this already, and once is what counts",
    "nothing": "there is nothing to take back",
    "glass": "You are not among those who may approve alone in an emergency",
    "again": "is waiting for approval again",
}

# What somebody is told who comes too late: who decided, and what became of it.
LATE: Mapping[str, tuple[str, str]] = {
    "approved": ("<@U0SECOND> approved this already", "is about to be cancelled"),
    "executing": ("<@U0SECOND> approved this already", "is being cancelled"),
    "unknown": ("<@U0SECOND> approved this already", "needs attention"),
    "done": ("<@U0SECOND> approved this already", "is cancelled"),
    "failed": ("<@U0SECOND> approved this already", "is not cancelled"),
    "rejected": ("<@U0APPROVE> rejected this already", "stays as it is"),
    "withdrawn": ("<@U0REQUEST> withdrew this already", "stays as it is"),
    "expired": ("Too late: nobody decided on order", "so this request expired"),
}

# What changes: the audit event, and the state it leads to.
CHANGES: Mapping[str, tuple[str, State]] = {
    "+1": ("approval_given", State.PENDING),
    "yes!": ("approved", State.APPROVED),
    "alone!": ("broke_glass", State.APPROVED),
    "no!": ("rejected", State.REJECTED),
    "back!": ("vote_taken_back", State.PENDING),
    "chosen!": ("reselected", State.PENDING),
    "withdrawn!": ("withdrawn", State.WITHDRAWN),
    "look!": ("rechecked", State.EXECUTING),
    "settled!": ("resolved", State.DONE),
}
FORM = "form"


@dataclass(frozen=True, slots=True)
class Cell:
    """What `actor` doing `what` to a request in `situation` comes to: `expected`, a word."""

    situation: str
    what: str
    actor: str
    expected: str

    @property
    def is_sent_form(self) -> bool:
        return self.what.endswith(" sent")

    @property
    def button(self) -> str:
        return self.what.removesuffix(" sent")

    @property
    def sentences(self) -> tuple[str, ...]:
        """Parts of what the actor is told; none where something happens instead."""
        if self.expected == "late":
            return LATE[self.situation]
        return (SENTENCES[self.expected],) if self.expected in SENTENCES else ()

    @property
    def change(self) -> tuple[str, State] | None:
        return CHANGES.get(self.expected)


def cells(situation: str) -> list[Cell]:
    """A situation's table, column by column."""
    columns, *rows = (line.split() for line in TABLES[situation].strip().splitlines())
    assert columns == list(ACTORS)
    found = [cell for row in rows for cell in _row(situation, row)]
    return sorted(found, key=lambda cell: columns.index(cell.actor))


def _row(situation: str, row: list[str]) -> Iterator[Cell]:
    what, expected = " ".join(row[: -len(ACTORS)]), row[-len(ACTORS) :]
    for actor, word in zip(ACTORS, expected, strict=True):
        yield Cell(situation, what, actor, word)
