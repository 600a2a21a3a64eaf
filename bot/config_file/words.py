"""How a wrong value in the file is told: what was written, and what to write instead.

pydantic finds the mistakes; its own wording never gets out.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal

from pydantic import ValidationError, ValidatorFunctionWrapHandler, WrapValidator
from pydantic_core import PydanticCustomError

# The kind of mistake that is in our words already.
OURS = "setting"


def mistake(sentences: str) -> PydanticCustomError:
    return PydanticCustomError(OURS, sentences)


def told(
    kind: str, write: str, lifted: str | None = None, *, is_shown: bool = True
) -> WrapValidator:
    """Say what is wrong with a value in one way, whatever it is; with its items, item by item.

    `lifted`: the words that stand for None, with which a venue takes back what is set for all. An
    empty value never does. `is_shown`: whether what was written may be repeated.
    """

    def check(given: object, read: ValidatorFunctionWrapHandler) -> object:
        if lifted is not None and given == lifted:
            return None
        try:
            return read(given)
        except ValidationError as error:
            if any(each["type"] == OURS for each in error.errors(include_input=False)):
                raise
            choice = f', or "{lifted}"' if lifted else ""
            what = shown(given) if is_shown else "this"
            raise mistake(f"{what} is not {kind}. Write {write}{choice}") from None

    return WrapValidator(check)


def shown(given: object) -> str:
    """What was written, unless it may name somebody, be a secret, or fill the screen."""
    match given:
        case bool():
            return str(given).lower()
        case str():
            return _shown_text(given)
        case Decimal() if not given.is_finite():
            return str(given).lower()
        case int() | Decimal():
            # Python does not spell integers of some thousand digits.
            return str(given) if -(10**30) < given < 10**30 else "so large a number"
        case list():
            return "a list" if given else "an empty list"
        case dict():
            return "a table" if given else "an empty table"
    return "a date or time"


def _shown_text(text: str) -> str:
    if re.search(r"\S@\S+\.\S", text):
        return "an e-mail address"
    if len(text) > 40 or re.search(r"[\w-]{24,}", text):
        return f"a text of {len(text)} characters"
    visible = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
    return f"the text {json.dumps(visible, ensure_ascii=False)}"
