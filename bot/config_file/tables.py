"""A table of `rescind.toml`: what is wrong with its lines, each by its path in the file."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Self

from pydantic import (
    BaseModel,
    ConfigDict,
    ModelWrapValidatorHandler,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError

from bot.config_file.words import mistake, shown


class FileModel(BaseModel):
    """What cannot be read of it is told in our words."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    @model_validator(mode="wrap")
    @classmethod
    def _told(cls, given: object, read: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            return read(given)
        except ValidationError as error:
            mistakes = [
                InitErrorDetails(
                    type=_restated(each, cls.model_fields),
                    loc=_path(each, given),
                    input=None,
                )
                for each in error.errors(include_url=False)
            ]
            raise ValidationError.from_exception_data(
                error.title, mistakes, hide_input=True
            ) from None


def _restated(found: ErrorDetails, names: Iterable[str]) -> PydanticCustomError:
    """What pydantic says of a table; the rest stays as it is."""
    match found["type"]:
        case "extra_forbidden":
            near = get_close_matches(str(found["loc"][-1]), names, n=1)
            return mistake(
                f"there is no such setting. Write {near[0]}, if that is meant"
                if near
                else "there is no such setting. Take the line out, or see docs/settings.md"
            )
        case "missing":
            return mistake("missing. Add the line as docs/settings.md shows")
        case "model_type":
            return mistake(
                f"{shown(found['input'])} is not a table. Write its settings below its name in "
                "brackets, as docs/settings.md shows"
            )
    return PydanticCustomError(found["type"], found["msg"])


def _path(found: ErrorDetails, given: object) -> tuple[int | str, ...]:
    """Where it is; a venue goes by its key, if that can be read."""
    match found["loc"], given:
        case ("venues", int(number), *rest), {"venues": list(venues)}:
            key = venues[number].get("key") if isinstance(venues[number], dict) else None
            if isinstance(key, str) and re.fullmatch(r"[a-z][a-z0-9_-]{0,63}", key):
                return "venues", key, *rest
    if found["type"] == "extra_forbidden":
        return *found["loc"][:-1], _spelled(str(found["loc"][-1]))
    return found["loc"]


def _spelled(name: str) -> str:
    """A name as it can stand in a line: TOML lets a quoted one hold anything."""
    if re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name):
        return name
    return shown(name).removeprefix("the text ")
