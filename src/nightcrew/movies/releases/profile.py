"""Which releases are wanted, and which are better: a profile, as JSON and in a form. Pure."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from nightcrew.movies.releases.model import FILMED, ReleaseSource

RESOLUTIONS = (2160, 1080, 720, 576, 480, 360)
HDR_KINDS = ("dv", "hdr10+", "hdr10", "hlg")
CODECS = ("av1", "h265", "h264", "mpeg", "xvid")
ORIGINAL = "original"
"""As a language: that of the film."""

Rate = Annotated[float, Field(ge=0, le=5000)]
Language = Annotated[str, Field(pattern=r"^(?:[a-z]{2}|original)$")]


class _ProfilePart(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Sizes(_ProfilePart):
    """Megabytes (10⁶ bytes) a minute that a release may have and should have."""

    least: Rate
    ideal: Rate
    most: Rate

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.least <= self.ideal <= self.most:
            raise ValueError("sizes rise from the least over the ideal to the most")
        return self


SIZES = {
    2160: Sizes(least=20, ideal=160, most=800),
    1080: Sizes(least=8, ideal=60, most=320),
    720: Sizes(least=4, ideal=25, most=120),
    576: Sizes(least=2, ideal=12, most=80),
    480: Sizes(least=2, ideal=10, most=60),
    360: Sizes(least=1, ideal=5, most=30),
}
"""From what streaming services and discs have: 60 MB a minute are 8 Mbit/s."""


class Until(_ProfilePart):
    """From here on nothing better is looked for. `score`: what all custom formats together give at least."""

    resolution: int = 1080
    source: ReleaseSource = ReleaseSource.BLURAY
    score: int = 0


class FormatScore(_ProfilePart):
    """A custom format by its name, and what it gives or takes. -10000 is never made up by others."""

    name: str = Field(min_length=1, max_length=200)
    score: int = Field(ge=-100_000, le=100_000)


class ReleaseProfile(_ProfilePart):
    """What is wanted. Of `resolutions` and `sources` the first is the best; what is not listed is refused.

    A resolution of 0 and the source `unknown` stand for names that do not say. `languages_required`: one of them must be spoken;
    `original` is the film's own, which is also assumed where a name tells no language.
    """

    name: str = Field(default="HD", min_length=1, max_length=80)
    resolutions: tuple[int, ...] = Field(default=(1080, 720), min_length=1, max_length=8)
    sources: tuple[ReleaseSource, ...] = Field(
        default=(ReleaseSource.BLURAY, ReleaseSource.WEB_DL, ReleaseSource.WEBRIP, ReleaseSource.HDTV),
        min_length=1,
        max_length=len(ReleaseSource),
    )
    codecs_refused: frozenset[str] = frozenset()
    codecs: tuple[str, ...] = ("h265", "h264", "av1")
    hdr_wanted: frozenset[str] = frozenset()
    hdr_refused: frozenset[str] = frozenset()
    sizes: dict[int, Sizes] = Field(default_factory=lambda: dict(SIZES))
    languages_required: frozenset[Language] = frozenset()
    languages: tuple[Language, ...] = Field(default=(ORIGINAL,), max_length=10)
    is_3d_allowed: bool = False
    is_hardcoded_allowed: bool = False
    is_dubbed_allowed: bool = False
    seeds_least: int = Field(default=1, ge=0, le=1000)
    seeds_per_gb: float = Field(default=0.0, ge=0, le=100)
    before_release: bool = False
    until: Until | None = Until()
    formats: tuple[FormatScore, ...] = Field(default=(), max_length=500)
    score_least: int = 0
    gain: float = Field(default=25.0, gt=0, le=1000)

    @model_validator(mode="after")
    def _known(self) -> Self:
        for given, known, what in (
            (set(self.resolutions), {*RESOLUTIONS, 0}, "resolutions"),
            (set(self.sizes), set(RESOLUTIONS), "resolutions with sizes"),
            (self.hdr_wanted | self.hdr_refused, set(HDR_KINDS), "kinds of HDR"),
            ({*self.codecs, *self.codecs_refused}, set(CODECS), "codecs"),
        ):
            if unknown := sorted(str(one) for one in given - known):
                raise ValueError(f"{what} that are not known: {', '.join(unknown)}")
        if len(set(self.resolutions)) < len(self.resolutions) or len(set(self.sources)) < len(self.sources):
            raise ValueError("a resolution or a source stands there twice")
        return self

    @property
    def asks_for_filmed(self) -> bool:
        """Whether it takes what was filmed in a cinema."""
        return bool(FILMED & set(self.sources))


_HOME = (ReleaseSource.BLURAY, ReleaseSource.WEB_DL, ReleaseSource.WEBRIP, ReleaseSource.HDTV)
PRESETS = {
    profile.name: profile
    for profile in (
        ReleaseProfile(),
        ReleaseProfile(
            name="Any",
            resolutions=(1080, 720, 2160, 576, 480, 0),
            sources=(
                *_HOME[:3],
                ReleaseSource.REMUX,
                ReleaseSource.HDTV,
                ReleaseSource.DVD,
                ReleaseSource.VHS,
                ReleaseSource.UNKNOWN,
            ),
            until=Until(resolution=1080, source=ReleaseSource.WEBRIP),
        ),
        ReleaseProfile(
            name="UHD",
            resolutions=(2160, 1080),
            sources=(ReleaseSource.BLURAY, ReleaseSource.WEB_DL, ReleaseSource.WEBRIP),
            codecs=("h265", "av1"),
            hdr_wanted=frozenset({"dv", "hdr10+", "hdr10"}),
            until=Until(resolution=2160, source=ReleaseSource.BLURAY),
        ),
        ReleaseProfile(
            name="Remux",
            resolutions=(2160, 1080),
            sources=(ReleaseSource.REMUX, ReleaseSource.BLURAY, ReleaseSource.WEB_DL),
            codecs=("h265", "h264"),
            hdr_wanted=frozenset({"dv", "hdr10+", "hdr10"}),
            sizes=SIZES | {2160: Sizes(least=40, ideal=450, most=1000), 1080: Sizes(least=15, ideal=220, most=450)},
            until=Until(resolution=2160, source=ReleaseSource.REMUX),
        ),
        ReleaseProfile(
            name="Small",
            resolutions=(1080, 720, 576, 480),
            sources=(
                ReleaseSource.BLURAY,
                ReleaseSource.WEB_DL,
                ReleaseSource.WEBRIP,
                ReleaseSource.HDTV,
                ReleaseSource.DVD,
            ),
            codecs=("av1", "h265", "h264"),
            sizes=SIZES | {1080: Sizes(least=4, ideal=16, most=40), 720: Sizes(least=2, ideal=9, most=22)},
            until=Until(resolution=1080, source=ReleaseSource.WEBRIP),
        ),
    )
}
"""By name; the first is what nobody chose."""
