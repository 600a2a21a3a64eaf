"""The Python seam of the stand-in: what the sandbox's server, page and tests use beside HTTP."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from bot.sandbox.acme.api import create_app
from bot.sandbox.acme.box_office import BoxOffice, Clock, Received
from bot.sandbox.acme.catalogue import example_orders
from bot.sandbox.acme.faults import FAULTS, Fault
from bot.sandbox.acme.orders import Line, Order
from bot.sandbox.acme.wire import moment, money

_METHODS = {"CreditCard": "Credit card", "Cash": "Cash", "Check": "Check", "Voucher": "Voucher"}


def _utc_now() -> datetime:
    return datetime.now(UTC)


class AcmeSandbox:
    """ACME with a handful of example orders. `app` can be mounted anywhere; use it on one loop."""

    def __init__(
        self, *, api_key: str, on_change: Callable[[], None], clock: Clock = _utc_now
    ) -> None:
        self._office = BoxOffice(clock=clock, examples=example_orders, on_change=on_change)
        self.app = create_app(self._office, api_key)

    def orders(self) -> list[dict[str, object]]:
        """List id, number, title and armed fault of every order, the seed's first."""
        return [
            {
                "id": order.id,
                "number": order.number,
                "title": order.title,
                "fault": self._fault_name(order.id),
            }
            for order in self._office.orders.values()
        ]

    def panel(self, order_id: str) -> dict[str, object] | None:
        """Show an order with its money (strings, two decimals), history and received requests."""
        order = self._office.orders.get(order_id)
        if order is None:
            return None
        return {
            "id": order.id,
            "number": order.number,
            "title": order.title,
            "guest": order.guest,
            "currency": order.currency,
            "payment": _payment(order),
            "lines": [_line_row(line) for line in order.lines],
            "total": money(order.total),
            "original_total": money(order.original_total),
            "paid": money(order.paid),
            "balance": money(order.balance),
            "refunded": money(order.refunded),
            "updated_on": moment(order.updated_on),
            "fault": self._fault_name(order.id),
            "reading": self.reading(order.id),
            "history": [{"at": moment(note.at), "what": note.what} for note in order.history],
            "requests": [
                {key: value for key, value in row.items() if key != "headers"}
                for row in self.requests(order.id)
            ],
        }

    def set_fault(
        self, order_id: str, fault: str | None, *, seconds: float = 5.0, times: int | None = None
    ) -> None:
        """Arm or clear an order's fault, for `times` uses or until cleared.

        Raise KeyError for an unknown order; ValueError for an unknown name or a wrong number.
        `changed_meanwhile` acts once unless `times` says more; `blackout` is one cut, and `times`
        then counts the reads that fail after it.
        """
        known = self._office.orders[order_id].id
        if fault is None:
            self._office.arm(known, None)
            return
        if fault not in FAULTS:
            raise ValueError(f"unknown fault {fault!r}; there are: {', '.join(FAULTS)}")
        if seconds < 0 or (times is not None and times < 1):
            raise ValueError("seconds must not be negative, and times must be 1 or more")
        if fault == "changed_meanwhile" and times is None:
            times = 1
        self._office.arm(known, Fault(fault, seconds, times))

    def set_reading(self, order_id: str | None = None, /, **switches: object) -> None:
        """Choose what the documentation leaves open (see READINGS), for one order or for all.

        Raise ValueError for an unknown switch or value, KeyError for an unknown order.
        """
        self._office.set_reading(order_id, switches)

    def reading(self, order_id: str | None = None) -> dict[str, str]:
        """Give the switches as they stand, for all orders or for one."""
        return self._office.reading(order_id).as_dict()

    def copy_order(self, template: str) -> tuple[str, str]:
        """Add a fresh copy of an order's original state; give its id and number. Raise KeyError."""
        order = self._office.copy(template)
        return order.id, order.number

    def add_order(self, order: Order) -> None:
        """Take in an order of one's own making, such as one with texts that no example has."""
        self._office.add(order)

    def requests(self, order_id: str | None = None) -> list[dict[str, object]]:
        """List the requests received, oldest first, about one order or about anything."""
        return [
            _request_row(received)
            for received in self._office.received.copy()  # whoever asks may be another thread
            if order_id is None or received.order_id == order_id
        ]

    def reset(self) -> None:
        """Go back to the start: orders, faults, readings and log."""
        self._office.reset()

    def _fault_name(self, order_id: str) -> str | None:
        fault = self._office.fault(order_id)
        return fault.name if fault else None


def _payment(order: Order) -> str:
    method = _METHODS[order.payment_method]
    if order.card_last_four:
        return f"{method} ending {order.card_last_four}"
    return f"{method} {order.payment_id}" if order.payment_id else method


def _line_row(line: Line) -> Mapping[str, object]:
    return {
        "id": line.id,
        "name": line.type_name,
        "event": line.event.name if line.event else None,
        "event_date": moment(line.event.starts) if line.event else None,
        "quantity": line.quantity,
        "original_quantity": line.original_quantity,
        "unit_price": money(line.discounted_unit_price),
        "amount": money(line.discounted_sub_total),
        "checked_in": line.checked_in,
    }


def _request_row(received: Received) -> dict[str, object]:
    return {
        "at": moment(received.at),
        "method": received.method,
        "path": received.path,
        "headers": received.headers,
        "body": received.body,
        "status": received.status,
    }
