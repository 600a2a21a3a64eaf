"""Rules for `rich_text` blocks: sections, lists, quotes, preformatted text and what is in them."""

from bot.sandbox.slack.blockkit.schema import (
    Rule,
    array,
    by_type,
    flag,
    one_of,
    only,
    record,
    string,
    url,
    whole,
)

_STYLE = record(
    {},
    dict.fromkeys(("bold", "italic", "strike", "code", "underline", "highlight", "unlink"), flag),
)
_ID = string(255)
_MOST_CHILDREN = 1000


def _inline(kind: str, required: dict[str, Rule], optional: dict[str, Rule] | None = None) -> Rule:
    return record({"type": one_of(kind), **required}, {"style": _STYLE, **(optional or {})})


_INLINE: dict[str, Rule] = {
    "text": _inline("text", {"text": string(40_000)}),
    "link": _inline("link", {"url": url}, {"text": string(40_000), "unsafe": flag}),
    "user": _inline("user", {"user_id": _ID}),
    "usergroup": _inline("usergroup", {"usergroup_id": _ID}),
    "channel": _inline("channel", {"channel_id": _ID}),
    "emoji": _inline("emoji", {"name": string(255)}, {"unicode": _ID, "skin_tone": whole(1, 6)}),
    "date": _inline(
        "date",
        {"timestamp": whole(0, 99_999_999_999), "format": string(1000)},
        {"url": url, "fallback": string(1000)},
    ),
    "broadcast": _inline("broadcast", {"range": one_of("here", "channel", "everyone")}),
    "color": _inline("color", {"value": string(20)}),
}

_CHILDREN = array(by_type(_INLINE), 0, _MOST_CHILDREN)

section = record({"type": one_of("rich_text_section"), "elements": _CHILDREN})

_ELEMENTS: dict[str, Rule] = {
    "rich_text_section": section,
    "rich_text_list": record(
        {
            "type": one_of("rich_text_list"),
            "style": one_of("bullet", "ordered"),
            "elements": array(only({"rich_text_section": section}, ["rich_text_section"]), 1, 1000),
        },
        {"indent": whole(0, 8), "offset": whole(0, 100_000), "border": whole(0, 1)},
    ),
    "rich_text_quote": record(
        {"type": one_of("rich_text_quote"), "elements": _CHILDREN}, {"border": whole(0, 1)}
    ),
    "rich_text_preformatted": record(
        {
            "type": one_of("rich_text_preformatted"),
            "elements": array(only(_INLINE, ["text", "link"]), 0, _MOST_CHILDREN),
        },
        {"border": whole(0, 1), "language": string(255)},
    ),
}

elements = array(by_type(_ELEMENTS), 1, _MOST_CHILDREN)
