"""ACME's wire shapes, read tolerantly: the documentation's own pages spell them differently.

Ids come as strings or numbers, null fields are absent, `subTotal` is also `subtotal`, the line's
id is `orderItemId` or `itemId` (facts/acme.md sections 5 and 7).
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any

from pydantic import (
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)


def _id(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _text(value: object) -> object:
    """Free text; an empty one is an absent one."""
    return (str(value).strip() or None) if isinstance(value, str | int | float) else None


def _instant(value: object) -> object:
    """ISO-8601 with offset, or epoch milliseconds (section 7); anything else is not told."""
    try:
        if isinstance(value, int) and not isinstance(value, bool):
            return datetime.fromtimestamp(value / 1000, UTC)
        moment = datetime.fromisoformat(str(value))
    except (ValueError, OverflowError, OSError):
        return None
    return moment if moment.tzinfo else None


def _or_absent(value: object, read: ValidatorFunctionWrapHandler) -> Any:  # noqa: ANN401
    """For claims that decide nothing: an unreadable one is an absent one, never a failure."""
    try:
        return read(value)
    except ValidationError:
        return None


Id = Annotated[str, BeforeValidator(_id), Field(min_length=1)]
Text = Annotated[str | None, BeforeValidator(_text)]
Instant = Annotated[datetime | None, BeforeValidator(_instant)]
Amount = Annotated[Decimal, Field(allow_inf_nan=False)]
Claim = Annotated[Amount | None, WrapValidator(_or_absent)]
Count = Annotated[int, Field(ge=0)]


class Wire(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)


class Item(Wire):
    """One line: in `eventItems[].items[]` of the detail read, or a list of an order's own."""

    id: Id = Field(validation_alias=AliasChoices("orderItemId", "itemId"))
    item_type: Text = Field(None, validation_alias="itemType")
    type_name: Text = Field(
        None,
        validation_alias=AliasChoices("itemTypeName", "ticketTypeName", "ticketingTypeName"),
    )
    ticket_name: Text = Field(None, validation_alias=AliasChoices("ticketTypeName", "displayName"))
    quantity: Count
    checked_in: Count | None = Field(
        None, validation_alias=AliasChoices("checkedInQuantity", "checkInQuantity")
    )
    unit_price: Amount | None = Field(None, validation_alias="unitPrice")
    discounted_unit_price: Amount | None = Field(None, validation_alias="discountedUnitPrice")
    subtotal: Amount | None = Field(
        None, validation_alias=AliasChoices("subTotal", "subtotal", "amount")
    )
    discounted_subtotal: Amount | None = Field(
        None,
        validation_alias=AliasChoices(
            "discountedSubTotal", "discountedSubtotal", "discountedAmount"
        ),
    )
    parent_id: Annotated[Id | None, BeforeValidator(_id)] = Field(
        None, validation_alias="parentItemId"
    )
    conversion_status: Text = Field(None, validation_alias="conversionStatus")
    event_name: Text = Field(None, validation_alias="eventName")
    event_start: Instant = Field(None, validation_alias="eventStartTime")


class EventGroup(Wire):
    """`eventItems[x]`: the lines of one event."""

    event_name: Text = Field(None, validation_alias="eventName")
    event_date: Instant = Field(None, validation_alias="eventDate")


class OrderDetail(Wire):
    """`GET /v2/b2b/orders/detail/{id}` without its lines, which `adapter` collects."""

    id: Id = Field(validation_alias=AliasChoices("orderId", "id"))
    number: Annotated[Id | None, BeforeValidator(_id)] = Field(None, validation_alias="orderNumber")
    first_name: Text = Field(None, validation_alias="contactFirstName")
    last_name: Text = Field(None, validation_alias="contactLastName")
    billing_first_name: Text = Field(None, validation_alias="billingFirstName")
    billing_last_name: Text = Field(None, validation_alias="billingLastName")
    email: Text = None
    billing_email: Text = Field(None, validation_alias="billingEmail")
    organization: Text = Field(None, validation_alias="organizationName")
    payment_method: Text = Field(None, validation_alias="paymentMethod")
    last_four: Text = Field(None, validation_alias="ccLastFourDigits")
    balance: Claim = Field(
        None,
        validation_alias=AliasChoices("balanceAmount", "orderBalance", "orderBalanace"),
    )
    created_on: Instant = Field(None, validation_alias=AliasChoices("createdOn", "creationDate"))
    updated_on: Text = Field(None, validation_alias="updatedOn")


class OrderResult(Wire):
    """The answer of `POST /v2/b2b/orders/update`: claims, of which none decides anything."""

    total: Claim = Field(
        None, validation_alias=AliasChoices("discountedTotalAmount", "totalAmount")
    )
    paid: Claim = Field(None, validation_alias="paidAmount")
    balance: Claim = Field(None, validation_alias="balanceAmount")
    refund: Claim = Field(None, validation_alias="refundAmount")
    last_four: Text = Field(None, validation_alias="ccLastFourDigits")
    updated_on: Text = Field(None, validation_alias="updatedOn")


class RefundResult(Wire):
    """The answer of the Refund API: `incidentNumber`, this refund's amount, the order."""

    incident_number: Annotated[Id | None, BeforeValidator(_id)] = Field(
        None, validation_alias="incidentNumber"
    )
    refund: Claim = Field(None, validation_alias="refundAmount")
    order: OrderResult | None = None
