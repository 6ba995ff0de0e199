"""What an agent may do with the sample's customers: two tools that read, four that write."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, EmailStr, Field, StringConstraints, model_validator

from handlers.base import Hints, Tool
from handlers.customer_db.sample import Customer, Status
from handlers.customer_db.sample_source import SampleSource

CustomerId = Annotated[
    int,
    Field(
        ge=1,
        le=9_999_999_999,
        description="The customer's number, as in the answers of these tools; in an id that search gave, what stands "
        "behind the colon.",
    ),
]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
Phone = Annotated[str, StringConstraints(min_length=7, max_length=25, pattern=r"^\+?[0-9][0-9 ().\-]*[0-9]$")]
Email = Annotated[EmailStr, StringConstraints(max_length=254)]


class Arguments(BaseModel):
    """Arguments of a tool; an unknown one is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True, hide_input_in_errors=True)


class GetCustomer(Arguments):
    id: CustomerId


class ListCustomers(Arguments):
    status: Status | None = Field(None, description="Only customers of this status; all of them without it.")
    limit: int = Field(50, ge=1, le=200, description="At most so many customers.")


class AddCustomer(Arguments):
    name: Name = Field(description="The customer's full name, or a company's.")
    email: Email = Field(description="The customer's e-mail address; no other customer may have it.")
    phone: Phone | None = Field(None, description="Digits, spaces and ( ) . - with a + before the country's code.")
    status: Status = Field("active", description="Whether the customer may use the service from now on.")


class UpdateCustomer(Arguments):
    id: CustomerId
    name: Name | None = Field(None, description="The new name; left as it is without one.")
    email: Email | None = Field(None, description="The new e-mail address; left as it is without one.")
    phone: Phone | None = Field(None, description="The new phone number; left as it is without one.")

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if not self.changes():
            raise ValueError("name what is to be changed: name, email or phone")
        return self

    def changes(self) -> dict[str, str]:
        """The columns to set."""
        given = {"name": self.name, "email": self.email, "phone": self.phone}
        return {name: value for name, value in given.items() if value is not None}


class DisableCustomer(Arguments):
    id: CustomerId


class ActivateCustomer(Arguments):
    id: CustomerId


class CustomerAnswer(BaseModel):
    """One customer."""

    id: int = Field(description="The customer's number.")
    name: str = Field(description="A person's or a company's name.")
    email: str = Field(description="The e-mail address.")
    phone: str | None = Field(description="The phone number, if there is one.")
    status: Status = Field(description="active or disabled.")
    created_at: str = Field(description="When the customer was added, in UTC.")
    updated_at: str = Field(description="When the customer was last changed, in UTC.")


class CustomerList(BaseModel):
    """Customers in the order of their numbers."""

    customers: Sequence[CustomerAnswer] = Field(description="At most as many as were asked for.")
    total: int = Field(description="How many customers there are, of this status if one was asked for.")


async def _get(source: SampleSource, arguments: GetCustomer) -> CustomerAnswer:
    return _answer(await source.get(arguments.id))


async def _list(source: SampleSource, arguments: ListCustomers) -> CustomerList:
    customers, total = await source.list(arguments.status, arguments.limit)
    return CustomerList(customers=[_answer(customer) for customer in customers], total=total)


async def _add(source: SampleSource, arguments: AddCustomer) -> CustomerAnswer:
    added = await source.add(name=arguments.name, email=arguments.email, phone=arguments.phone, status=arguments.status)
    return _answer(added)


async def _update(source: SampleSource, arguments: UpdateCustomer) -> CustomerAnswer:
    return _answer(await source.update(arguments.id, arguments.changes()))


async def _disable(source: SampleSource, arguments: DisableCustomer) -> CustomerAnswer:
    return _answer(await source.update(arguments.id, {"status": "disabled"}))


async def _activate(source: SampleSource, arguments: ActivateCustomer) -> CustomerAnswer:
    return _answer(await source.update(arguments.id, {"status": "active"}))


def _answer(customer: Customer) -> CustomerAnswer:
    return CustomerAnswer(**asdict(customer))


READING: Sequence[Tool[Any, Any]] = (
    Tool(
        name="get_customer",
        title="Get a customer",
        description="One customer by number: name, e-mail, phone, status, and when it was added and changed.",
        arguments=GetCustomer,
        answer=CustomerAnswer,
        hints=Hints(read_only=True, idempotent=True),
        run=_get,
    ),
    Tool(
        name="list_customers",
        title="List customers",
        description="The customers in the order of their numbers, all or those of one status, and how many there are.",
        arguments=ListCustomers,
        answer=CustomerList,
        hints=Hints(read_only=True, idempotent=True),
        run=_list,
    ),
)

WRITING: Sequence[Tool[Any, Any]] = (
    Tool(
        name="add_customer",
        title="Add a customer",
        description="Adds a customer and answers it with its number. Refused if the e-mail address is taken.",
        arguments=AddCustomer,
        answer=CustomerAnswer,
        hints=Hints(read_only=False),
        run=_add,
    ),
    Tool(
        name="update_customer",
        title="Change a customer",
        description="Replaces the name, e-mail address or phone number of one customer; what was there is lost.",
        arguments=UpdateCustomer,
        answer=CustomerAnswer,
        hints=Hints(read_only=False, destructive=True, idempotent=True),
        run=_update,
    ),
    Tool(
        name="disable_customer",
        title="Disable a customer",
        description="Sets the status of one customer to disabled; activate_customer undoes it.",
        arguments=DisableCustomer,
        answer=CustomerAnswer,
        hints=Hints(read_only=False, destructive=True, idempotent=True),
        run=_disable,
    ),
    Tool(
        name="activate_customer",
        title="Activate a customer",
        description="Sets the status of one customer to active; disable_customer undoes it.",
        arguments=ActivateCustomer,
        answer=CustomerAnswer,
        hints=Hints(read_only=False, destructive=False, idempotent=True),
        run=_activate,
    ),
)
