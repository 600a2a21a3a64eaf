"""Switches for what ACME's documentation leaves open, each with the answers it may have.

The first value of each switch is the one the published examples suggest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from types import MappingProxyType

READINGS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "omitted_lines": ("unchanged", "removed"),
        "refund_amount": ("step", "cumulative"),
        "void_again": ("accept", "reject"),
        "void_lines": ("kept", "dropped"),
        "ids": ("string", "number"),
        "spelling": ("subTotal", "subtotal"),
        "line_id": ("orderItemId", "itemId"),
    }
)


@dataclass(frozen=True, slots=True)
class Reading:
    """One way in which the real system may behave.

    `omitted_lines`: what an update does to lines it does not list. `refund_amount`: whether the
    order's `refundAmount` is this call's or the order's whole life's. `void_again`: quantity 0 for
    a line that is 0 already. `void_lines`: whether lines at 0 still appear in reads. `ids`: digit
    strings or numbers. `spelling`, `line_id`: field names in the detail read.
    """

    omitted_lines: str = "unchanged"
    refund_amount: str = "step"
    void_again: str = "accept"
    void_lines: str = "kept"
    ids: str = "string"
    spelling: str = "subTotal"
    line_id: str = "orderItemId"

    def switched(self, switches: Mapping[str, object]) -> Reading:
        """Raise ValueError, naming what is allowed, for an unknown switch or value."""
        known: dict[str, str] = {}
        for name, value in switches.items():
            if name not in READINGS:
                raise ValueError(f"unknown switch {name!r}; there are: {', '.join(READINGS)}")
            if not isinstance(value, str) or value not in READINGS[name]:
                raise ValueError(f"{name} may be {' or '.join(READINGS[name])}, not {value!r}")
            known[name] = value
        return replace(self, **known)

    def as_dict(self) -> dict[str, str]:
        """Give the switches by name."""
        return asdict(self)
