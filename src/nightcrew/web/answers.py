"""What the JSON routes answer, and the kernel's answers. A field's unit stands in its schema."""

from __future__ import annotations

import contextlib
from datetime import datetime
from operator import attrgetter
from typing import Annotated, Any, Generic, Literal, Self, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from nightcrew.kernel.access import Permission
from nightcrew.kernel.clock import iso

ItemT = TypeVar("ItemT")


class Answer(BaseModel):
    """Base of all answers. One with a field that it does not declare is a defect, and not a smaller answer.

    A field that a row has under another name says so with `validation_alias`, for instance `row.id`.
    """

    model_config = ConfigDict(extra="forbid", from_attributes=True, populate_by_name=True)

    @classmethod
    def of(cls, row: object, **more: Any) -> Self:
        """From a row of a store, so that what is answered is said once. `more`: the fields that the row does not have."""
        for name, field in cls.model_fields.items():
            with contextlib.suppress(AttributeError):
                more.setdefault(name, attrgetter(str(field.validation_alias or name))(row))
        return cls.model_validate(more)


class Items(Answer, Generic[ItemT]):
    """A page of a list; `next` is the cursor of the next page, null on the last one."""

    items: list[ItemT]
    next: str | None = None


def _moment(value: object) -> object:
    return iso(value) if isinstance(value, datetime) else value


def _rounded(value: object) -> object:
    return round(value, 3) if isinstance(value, float) else value


Moment = Annotated[
    str, BeforeValidator(_moment), Field(description="ISO 8601 in UTC.", json_schema_extra={"format": "date-time"})
]
Seconds = Annotated[int | float, Field(json_schema_extra={"unit": "seconds"})]
Milliseconds = Annotated[Seconds, BeforeValidator(_rounded)]
"""Seconds that are told to the millisecond."""
Text = Annotated[str, BeforeValidator(str)]
"""What a row holds as a path, or as something else that is a text outside."""
Bytes = Annotated[int, Field(json_schema_extra={"unit": "bytes"})]
Kilobits = Annotated[int | float, Field(json_schema_extra={"unit": "kilobits a second"})]
Share = Annotated[int | float, Field(description="0 to 1.")]


class NeedRow(Answer):
    """Something that waits for a person, and the page where it is settled."""

    level: Literal["error", "warning", "info"]
    message: str
    page: str


class Needs(Items[NeedRow]):
    """Whether everything is all right, in a sentence, and what waits for a person, worst first."""

    level: Literal["good", "attention", "failing"]
    sentence: str


class WorkerRun(Answer):
    """One run of a worker."""

    at: Moment
    seconds: Seconds
    error: str | None


class WorkerRow(Answer):
    """A worker with its promise: how old its last success may be."""

    name: str
    domain: str
    kind: str
    help: str
    state: Literal["waiting", "running", "failing", "paused"]
    paused_by: str | None
    last_start: Moment | None
    last_seen: Moment | None
    last_stop: Moment | None
    last_ok: Moment | None
    next_run: Moment | None
    promise_s: Seconds
    age_s: Seconds
    fresh: bool
    error: str | None
    failures: int = Field(description="In a row.")
    skipped: int = Field(description="Runs that were left out because the one before was late.")
    runs: list[WorkerRun] = Field(description="The last ones, oldest first.")
    node: str


class NodeRow(Answer):
    """A node that shares the database."""

    id: str
    self: bool = Field(description="Whether it is the one that answers.")
    state: Literal["alive", "silent", "gone", "stopped"]
    seen_at: Moment | None
    gone_at: Moment | None
    clock_ahead_s: Seconds | None
    taken_by: str | None = Field(description="The node that took over.")
    had: list[str] = Field(description="What was taken over, in sentences.")


class JobRow(Answer):
    """One run of a job."""

    id: str
    name: str
    title: str
    queue: str | None
    state: Literal["queued", "running", "done", "failed", "cancelled"]
    priority: int = Field(description="The lowest is run first.")
    attempts: int
    progress: Share | None
    message: str
    seconds_left: Seconds | None
    created_at: Moment | None
    started_at: Moment | None
    ended_at: Moment | None
    error: str | None
    result: Any = Field(description="What the job returned.")
    node: str | None


class JobStep(Answer):
    """A step that is finished."""

    name: str
    started_at: Moment | None
    ended_at: Moment | None
    error: str | None


class JobStarted(Answer):
    """The job that was started or joined."""

    job: str


class JobWithSteps(JobRow):
    """One run with its finished steps."""

    steps: list[JobStep]


class ActivityRow(Answer):
    """An entry of the activity feed."""

    id: int
    at: Moment
    kind: str
    level: str
    actor: str
    subject: str | None
    message: str
    data: dict[str, Any]


class SettingRow(Answer):
    """An option with its value. Of a secret one only is said whether it is set."""

    key: str
    domain: str
    name: str
    value: Any
    default: Any
    origin: Literal["changed", "environment", "file", "default"]
    env: str = Field(description="The environment variable that sets it.")
    type: str
    unit: str | None
    bounds: dict[str, Any]
    secret: bool
    fixed: bool = Field(description="Only the environment sets it.")
    help: str


class SettingList(Items[SettingRow]):
    """All options, and their values by key."""

    values: dict[str, Any]


class SettingsChanged(Answer):
    """What really changed, and all values after it."""

    changed: dict[str, Any]
    values: dict[str, Any]


class SettingsImported(Answer):
    """Keys that were taken over, and those that are unknown."""

    imported: list[str]
    ignored: list[str]


class TokenRow(Answer):
    """An API key or a player's token, without its text."""

    id: int
    scope: Literal["api", "player"]
    name: str
    output: str = Field(description="What a player's token is bound to; empty: everything.")
    permission: Permission = Field(description="What an API key may do.")
    created_at: Moment


class TokenList(Items[TokenRow]):
    """All tokens. `protected`: whether a password is set."""

    protected: bool


class TokenMade(Answer):
    """A new token; its text is shown this once."""

    scope: Literal["api", "player"]
    name: str
    output: str
    permission: Permission
    token: str


class SessionRow(Answer):
    """A browser that is logged in. `own`: it is the one that asks."""

    id: int
    address: str
    browser: str = Field(description="What it says that it is.")
    created_at: Moment
    seen_at: Moment = Field(description="When it was used last, to within 5 minutes.")
    own: bool


class TokenRevoked(Answer):
    """The number of the token that works no longer."""

    revoked: int


class TargetRow(Answer):
    """Who is told. Of the address only so much is shown as is no secret."""

    id: int
    name: str
    kind: Literal["apprise", "webhook", "heartbeat"]
    address: str
    wants: list[str]
    level: Literal["info", "warning", "error"]
    enabled: bool
    quiet_from: str | None = Field(description="A time of day such as 22:30, at this installation.")
    quiet_to: str | None
    loud: bool = Field(description="Whether errors are sent in the quiet hours too.")
    state: Literal["off", "failing", "works", "new"]
    waiting: int = Field(description="Messages that wait.")
    failing_since: Moment | None
    error: str | None
    delivered_at: Moment | None
    created_at: Moment | None


class TargetTested(Answer):
    """Whether a target took a test, and a sentence."""

    ok: bool
    message: str


class NoticeRow(Answer):
    """Something that a target was told, or is to be told."""

    id: int
    target: int
    target_name: str
    kind: str
    level: str
    subject: str | None
    message: str
    count: int = Field(description="How often it happened.")
    state: Literal["waiting", "sent", "failed", "dropped"]
    attempts: int
    at: Moment | None
    due_at: Moment | None
    sent_at: Moment | None
    error: str | None
