"""What the JSON routes of the playlists answer."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from nightcrew.web.answers import Answer, Bytes, Moment, Seconds

OrNone = Annotated[str | None, BeforeValidator(lambda text: text or None)]
"""A text that is null when it is empty."""


class HeldChange(Answer):
    """A change that waits for a person, in channels."""

    at: Moment | None = Field(validation_alias="held_at")
    reason: str | None = Field(validation_alias="held_reason")
    stored: int
    new: int
    changed: int
    gone: int


class FeedRow(Answer):
    """One region of a source, or its guide."""

    id: int
    kind: str
    lang: OrNone
    region: OrNone
    enabled: bool
    status: str
    age: Seconds | None
    channels: int
    streams: int
    resolved: int = Field(description="Channels that can be played.")
    refreshed_at: Moment | None
    changed_at: Moment | None
    due_at: Moment | None
    failures: int = Field(description="In a row.")
    error: str | None
    error_kind: str | None
    needs_user: bool
    held: HeldChange | None
    notes: dict[str, Any] = Field(description="What the provider says of itself.")
    run: str | None = Field(description="The job that refreshes it now.")


class SourceRow(Answer):
    """A source with its feeds."""

    id: int
    kind: str
    name: str
    enabled: bool
    url: str = Field(validation_alias="shown_url")
    region: str | None
    route: str = Field(description="The way out that all requests for it take.")
    channels: int
    created_at: Moment | None
    feeds: list[FeedRow]


class SourceRemoved(Answer):
    """What was deleted, or would be."""

    dry_run: bool
    source: str
    channels: int


class JobsStarted(Answer):
    """The jobs that were started or joined."""

    jobs: list[str]


class HeldAccepted(Answer):
    """What became of each change that was held back."""

    accepted: list[dict[str, int]] = Field(description="Channels for each feed: new, changed, gone.")


class HeldRejected(Answer):
    """The source whose change was forgotten."""

    rejected: int


class RefreshRow(Answer):
    """One refresh of a feed."""

    id: str
    feed_id: int
    region: str
    started_at: Moment | None
    ended_at: Moment | None
    seconds: Seconds | None
    outcome: str | None
    channels: int | None
    change: dict[str, Any] | None = Field(description="Channels: stored, new, changed, moved, gone.")
    reason: str | None


class RegionRow(Answer):
    """A region with its status and its playlist."""

    lang: str | None
    region: str
    channels: int
    resolved: int = Field(description="Channels that can be played.")
    age: Seconds | None
    status_text: str
    status_class: str
    exists: bool
    size: Bytes


class SeedStatus(Answer):
    """Every region as the seed showed it."""

    regions: list[RegionRow]


class SeedStarted(Answer):
    """The jobs that were started or joined, as the seed said it."""

    status: Literal["ok"] = "ok"
    jobs: list[str]


class SeedConfig(Answer):
    """The options under the seed's names."""

    RES: bool
    PLAYLIST_REBUILD_ON_START: bool
    FILTER_ENABLED: bool
    FILTER_KEYWORDS: list[str]
    LOCALES: list[tuple[str, str]] = Field(description="Language and region.")
    COMBINED_PLAYLISTS: list[dict[str, str | list[str]]]
    refresh_interval: int = Field(json_schema_extra={"unit": "seconds"})
    stream_mode: Literal["direct", "redirect", "proxy"]


class HolderRow(Answer):
    """Who uses a connection of an account."""

    owner: str
    purpose: str
    node: str
    since: Moment | None = Field(validation_alias="taken_at")
    leaving: bool = Field(description="Whether it makes room.")


class AccountRow(Answer):
    """A login behind sources."""

    id: str = Field(validation_alias="resource")
    name: str
    sources: list[int]
    max_streams: int = Field(validation_alias="most", description="Connections at a time; 0: any number.")
    in_use: int
    holders: list[HolderRow]


class ProfileRow(Answer):
    """A way to use a source."""

    name: str
    max_streams: int = Field(validation_alias="most", description="Connections at a time; 0: any number.")
    in_use: int
    account: str


class ProfileRemoved(Answer):
    """The name of the profile that is gone."""

    removed: str


class StreamRow(Answer):
    """A stream of a channel, without its source's secrets."""

    id: int
    url: str
    account: str = Field(validation_alias="source")
    source_id: int
    score: float | None
    dead: bool
    left_out: bool
    expires: bool


class GuideFound(Answer):
    """A channel's guide: its id in /guide.xml, and whether the channel's id or its name led to it."""

    id: str
    by: Literal["id", "name"]


class ChannelRow(Answer):
    """A channel with its streams, in the order in which they are tried."""

    id: int
    name: str
    number: OrNone
    group: str
    region: str
    logo: OrNone = Field(description="The provider's address, without secrets.")
    picture: OrNone = Field(description="Where this node shows the logo.")
    guide_id: OrNone
    guide: GuideFound | None = Field(description="The guide that has programmes of it.")
    shift: int = Field(description="Minutes by which its programmes are later than the guide says.")
    hidden: bool
    edited: list[str] = Field(description="Fields that a person has changed.")
    play: str
    streams: list[StreamRow]


class EditedChannel(ChannelRow):
    """A channel as it is after a change."""

    notes: list[str] = Field(
        description="What may not have been meant: a number that another channel has, an unknown guide ID."
    )


class PreviewedGroup(Answer):
    """A group of a list, with how many channels it has and how many of them a choice takes."""

    group: str
    channels: int
    taken: int


class ImportPreviewRow(Answer):
    """What a choice makes of a list: the largest groups, and some channels that are taken and left out."""

    entries: int
    taken: int
    groups: list[PreviewedGroup]
    names: list[str]
    left_out: list[str]


class ChannelName(Answer):
    """A channel by its name."""

    id: int
    name: str


class GuideChannelRow(Answer):
    """A channel of a guide."""

    guide_id: str
    name: str
    icon: OrNone


class ProgrammeRow(Answer):
    """What runs on a channel."""

    start: Moment | None
    stop: Moment | None
    title: str


class ChannelWithProgrammes(ChannelRow):
    """A channel with what runs now and next."""

    programmes: list[ProgrammeRow]


class GroupRow(Answer):
    """A group with its number of visible channels."""

    group: str
    channels: int
