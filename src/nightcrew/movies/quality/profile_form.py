"""The form of a quality profile: its main fields. What it does not show stays as it is."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel, ValidationError

from nightcrew.kernel.errors import Invalid, NightcrewError
from nightcrew.kernel.fields import ask
from nightcrew.kernel.settings import invalid_from
from nightcrew.movies.quality import profile_words
from nightcrew.movies.quality.profile_words import SOURCE_WORDS, resolution_words
from nightcrew.movies.releases.profile import ReleaseProfile
from nightcrew.web.forms import Form, checked, form_of, values_of

NAME = r"^[\w.+-][\w .+-]*$"


class ProfileForm(BaseModel):
    """A quality profile."""

    name: str = ask(label="Name", min_length=1, max_length=80, pattern=NAME)
    resolutions: list[str] = ask(
        label="Resolutions", help="One a line, the best first, such as 1080p. Others are not taken.", rows=4
    )
    sources: list[str] = ask(
        label="Made from",
        help=f"One a line, the best first; others are not taken. Known are {', '.join(SOURCE_WORDS.values())}.",
        rows=5,
    )
    sizes: list[str] = ask(
        [], label="Sizes", help="MB a minute: the least, the ideal and the most, such as 1080p: 8 60 320.", rows=4
    )
    languages: list[str] = ask(
        [],
        label="Languages",
        help="Two letters a line, the one that you like best first, such as de; “original” is the film's own.",
        rows=3,
    )
    languages_required: list[str] = ask(
        [], label="Languages that it must have", help="One of these at least. Empty: any will do.", rows=2
    )
    seeds_least: int = ask(0, label="Seeds at least", help="Empty: none.", ge=0, le=1000)
    seeds_per_gb: float = ask(0.0, label="Seeds for each GB", ge=0, le=100)


class FormatsForm(BaseModel):
    """Custom formats."""

    formats: str = ask(
        label="Custom formats",
        help="JSON: one, or a list of them, as Radarr exports them and the TRaSH guides publish them.",
        control="textarea",
        rows=12,
        min_length=1,
        max_length=400_000,
    )


def form_for(
    profile: ReleaseProfile, name: str, typed: Mapping[str, str] | None = None, error: NightcrewError | None = None
) -> Form:
    """The form with what a profile has, or with what was typed."""
    values = {
        "name": name,
        "resolutions": "\n".join(map(resolution_words, profile.resolutions)),
        "sources": "\n".join(SOURCE_WORDS[one] for one in profile.sources),
        "sizes": "\n".join(profile_words.size_lines(profile)),
        "languages": "\n".join(profile.languages),
        "languages_required": "\n".join(sorted(profile.languages_required)),
        "seeds_least": str(profile.seeds_least),
        "seeds_per_gb": f"{profile.seeds_per_gb:g}",
    }
    return form_of(ProfileForm, values=values, typed=typed, error=error)


def formats_form(typed: Mapping[str, str] | None = None, error: NightcrewError | None = None) -> Form:
    """The form for custom formats."""
    return form_of(FormatsForm, typed=typed, error=error)


def profile_of(base: ReleaseProfile, typed: Mapping[str, str]) -> ReleaseProfile:
    """What was typed, with all else as the base has it. Raises `Invalid`, naming the field."""
    form = checked(ProfileForm, values_of(ProfileForm, typed))
    hidden = {one: sizes for one, sizes in base.sizes.items() if one not in base.resolutions}  # no line shows them
    changes = {
        "name": form.name,
        "resolutions": profile_words.resolutions_of(form.resolutions),
        "sources": profile_words.sources_of(form.sources),
        "sizes": hidden | profile_words.sizes_of(form.sizes),
        "languages": profile_words.languages_of(form.languages, "languages"),
        "languages_required": profile_words.languages_of(form.languages_required, "languages_required"),
        "seeds_least": form.seeds_least,
        "seeds_per_gb": form.seeds_per_gb,
    }
    try:
        return ReleaseProfile.model_validate(base.model_dump() | changes)
    except ValidationError as exc:
        found = invalid_from(exc)
        if found.field is None or found.field.partition(".")[0] in ProfileForm.model_fields:
            raise found from exc
        raise Invalid(str(found)) from exc
