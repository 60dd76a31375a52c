"""Custom formats as Radarr and the TRaSH guides write them: what is read, what is refused, and which releases have them."""

from __future__ import annotations

import json
from typing import Any

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from nightcrew.movies.releases import dotnet
from nightcrew.movies.releases.conditions import LANGUAGES, Subject
from nightcrew.movies.releases.custom_formats import MOST_SLOW, BadFormat, held, imported
from nightcrew.movies.releases.dotnet import MOST_CHARACTERS, MOST_DEPTH, BadExpression, compiled
from nightcrew.movies.releases.model import WantedFilm
from nightcrew.movies.releases.names import read

FREELEECH, SCENE = 1, 128
"""What an indexer may say of a release, as Radarr numbers it."""
FILM = WantedFilm(("Charade",), 1963, "tt0056923", 113, None, "en")


def subject(tail: str = "1080p.BluRay.x264-GRP", **more: Any) -> Subject:
    return Subject(read(f"Charade.1963.{tail}"), FILM, **more)


def spec(
    kind: str, value: Any = None, *, negate: bool = False, required: bool = False, **fields: Any
) -> dict[str, Any]:
    given = fields if value is None else {"value": value, **fields}
    return {
        "name": f"{kind} {value}",
        "implementation": f"{kind}Specification",
        "negate": negate,
        "required": required,
        "fields": given,
    }


def has(specifications: list[dict[str, Any]], tail: str = "1080p.BluRay.x264-GRP", **more: Any) -> bool:
    formats = imported(json.dumps({"name": "It", "specifications": specifications}))
    return held(formats, subject(tail, **more)).names == ("It",)


def title(value: str, **more: bool) -> dict[str, Any]:
    return spec("ReleaseTitle", value, **more)


def test_conditions_of_one_kind_are_alternatives() -> None:
    assert has([title("x264"), title("x265")])
    assert not has([title("x266"), title("x265")])


def test_a_required_condition_must_hold_whatever_others_do() -> None:
    assert not has([title("x264"), title("x265", required=True)])
    assert has([title("x264", required=True), title("x265")])
    assert has([title("x264", required=True), title("1080p", required=True)])
    assert not has([title("x264", required=True), title("720p", required=True)])


def test_every_kind_must_be_met() -> None:
    assert has([title("x264"), spec("Resolution", 1080)])
    assert not has([title("x264"), spec("Resolution", 720)])
    assert not has([title("x265"), spec("Resolution", 1080)])


def test_what_is_negated_holds_where_it_does_not() -> None:
    assert has([title("x265", negate=True)])
    assert not has([title("x264", negate=True)])
    assert has([title("x264"), title("x265", negate=True, required=True)])
    assert not has([title("x264"), title("1080p", negate=True, required=True)])


@pytest.mark.parametrize(
    ("condition", "tail", "holds"),
    [
        (spec("ReleaseGroup", "^(GRP)$"), "1080p.BluRay-GRP", True),
        (spec("ReleaseGroup", "^(GRP)$"), "1080p.BluRay-GRPS", False),
        (spec("ReleaseGroup", "^grp$"), "1080p.BluRay-GRP", True),
        (spec("Edition", "extended"), "EXTENDED.1080p", True),
        (spec("Edition", "imax"), "EXTENDED.1080p", False),
        (spec("Resolution", 2160), "2160p.WEB-DL", True),
        (spec("Resolution", "2160"), "2160p.WEB-DL", True),
        (spec("Source", 9), "1080p.BluRay", True),
        (spec("Source", 9), "1080p.BluRay.REMUX", True),
        (spec("Source", 7), "1080p.WEB-DL", True),
        (spec("Source", 8), "1080p.WEB-DL", False),
        (spec("Source", 8), "1080p.WEBRip", True),
        (spec("Source", 1), "CAM", True),
        (spec("Source", 6), "720p.HDTV", True),
        (spec("Source", 5), "DVDRip", True),
        (spec("Source", 0), "1080p", True),
        (spec("QualityModifier", 5), "1080p.BluRay.REMUX", True),
        (spec("QualityModifier", 5), "1080p.BluRay", False),
        (spec("QualityModifier", 4), "COMPLETE.BLURAY", True),
        (spec("QualityModifier", 2), "DVDSCR", True),
        (spec("QualityModifier", 0), "1080p.BluRay", True),
        (spec("QualityModifier", 0), "1080p.BluRay.REMUX", False),
        (spec("QualityModifier", 1), "1080p.BluRay", False),
        (spec("Language", 4), "GERMAN.1080p.WEB-DL", True),
        (spec("Language", 1), "GERMAN.1080p.WEB-DL", False),
        (spec("Language", 1), "1080p.WEB-DL", True),
        (spec("Language", -2), "1080p.WEB-DL", True),
        (spec("Language", -2), "GERMAN.1080p.WEB-DL", False),
        (spec("Language", -2), "GERMAN.DL.1080p.WEB-DL", True),
        (spec("Language", -1), "1080p.WEB-DL", True),
        (spec("Language", 0), "1080p.WEB-DL", False),
        (spec("Language", 1, exceptLanguage=True), "GERMAN.DL.1080p.WEB-DL", True),
        (spec("Language", 1, exceptLanguage=True), "1080p.WEB-DL", False),
        (spec("Year", min=1960, max=1963), "1080p", True),
        (spec("Year", min=1964, max=1970), "1080p", False),
        (spec("ReleaseType", 0), "1080p", True),
        (spec("ReleaseType", 1), "1080p", False),
        (spec("ReleaseType", 1), "S01E01.1080p", True),
        (spec("ReleaseType", 2), "S01E01E02.1080p", True),
        (spec("ReleaseType", 3), "S01.1080p", True),
        (spec("ReleaseType", 0), "S01.1080p", False),
    ],
)
def test_what_conditions_ask(condition: dict[str, Any], tail: str, holds: bool) -> None:
    assert has([condition], tail) is holds


GIB = 1 << 30


@pytest.mark.parametrize(
    ("size", "holds"), [(None, False), (GIB, False), (GIB + 1, True), (2 * GIB, True), (2 * GIB + 1, False)]
)
def test_a_size_is_above_the_least_and_at_most_the_most(size: int | None, holds: bool) -> None:
    assert has([spec("Size", min=1, max=2)], size=size) is holds


def test_flags_are_what_the_indexer_says() -> None:
    assert has([spec("IndexerFlag", FREELEECH)], flags=FREELEECH | SCENE)
    assert not has([spec("IndexerFlag", SCENE)], flags=FREELEECH)
    assert not has([spec("IndexerFlag", 0)], flags=FREELEECH)


def test_languages_have_radarrs_numbers() -> None:
    assert {number: LANGUAGES[number] for number in (1, 4, 8, 11, 21, 26, 29, 31, 43, 55)} == {
        1: "en", 4: "de", 8: "ja", 11: "ru", 21: "ko", 26: "hi", 29: "bg", 31: "ar", 43: "ta", 55: "rm",
    }  # fmt: skip


def test_fields_may_be_a_list_as_in_radarrs_own_export() -> None:
    one = title("x264") | {"fields": [{"name": "value", "value": "x264", "type": "textbox"}]}
    assert has([one])
    assert not has([one], "1080p.x265")


@pytest.mark.parametrize(
    ("scores", "which", "score"),
    [
        ({"trash_scores": {"default": 100, "sqp-1": 7}}, "default", 100),
        ({"trash_scores": {"default": 100, "sqp-1": 7}}, "sqp-1", 7),
        ({"trash_scores": {"default": 100, "sqp-1": 0}}, "sqp-1", 0),
        ({"trash_scores": {"default": 100}}, "german", 100),
        ({"trash_scores": {"default": "-10000"}}, "default", -10000),
        ({"trash_score": "750"}, "default", 750),
        ({"score": 5}, "default", 5),
        ({}, "default", 0),
        ({"trash_scores": None}, "default", 0),
    ],
)
def test_the_score_is_that_of_the_chosen_set(scores: dict[str, Any], which: str, score: int) -> None:
    text = json.dumps({"name": "It", "specifications": [title("x")]} | scores)
    assert imported(text, scores=which)[0].score == score
    assert imported(text, scores=which, given={"It": 42})[0].score == 42
    assert imported(text, scores=which, given={"Other": 42})[0].score == score


def test_a_file_may_hold_many() -> None:
    many = [{"name": name, "specifications": [title(name)]} for name in ("x264", "x265", "GRP")]
    assert held(imported(json.dumps(many).encode()), subject()).names == ("x264", "GRP")


BAD = [
    ("{", "no JSON"),
    ("[" * 100_000, "no JSON"),
    (b"\xff\xfe\x00", "no JSON"),
    ("7", "an object with a name"),
    ('{"name": 7}', "an object with a name"),
    ('{"name": " "}', "an object with a name"),
    ('{"name": "It"}', "no list of specifications"),
    ('{"name": "It", "specifications": []}', "no list of specifications"),
    ('{"name": "It", "specifications": [7]}', "“It”: a specification is an object"),
    (
        '{"name": "It", "specifications": [{"name": "x", "implementation": "MoonSpecification"}]}',
        "MoonSpecification, which is not known",
    ),
    (json.dumps([{"name": "It", "specifications": [title("x")]}] * 2), "twice"),
    (json.dumps([{"name": str(n), "specifications": [title("x")]} for n in range(501)]), "more than 500"),
    (json.dumps({"name": "It", "specifications": [title("x")] * 301}), "more than 300"),
    (json.dumps({"name": "It", "score": "many", "specifications": [title("x")]}), "score that is no number"),
    ('{"name": "It", "score": Infinity, "specifications": [{}]}', "score that is no number"),
    ('{"name": "It", "score": NaN, "specifications": [{}]}', "score that is no number"),
    (json.dumps({"name": "It", "score": 100_001, "specifications": [title("x")]}), "beyond"),
    (json.dumps({"name": "It", "specifications": [title("(x")]}), "cannot be read"),
    (json.dumps({"name": "It", "specifications": [title("")]}), "no expression"),
    (json.dumps({"name": "It", "specifications": [spec("ReleaseGroup", 7)]}), "no expression"),
    (json.dumps({"name": "It", "specifications": [spec("Source", 10)]}), "source 10"),
    (json.dumps({"name": "It", "specifications": [spec("Source", "x")]}), "no number"),
    (json.dumps({"name": "It", "specifications": [spec("Source", True)]}), "no number"),
    (
        '{"name": "It", "specifications": [{"implementation": "SourceSpecification", "fields": {"value": NaN}}]}',
        "no number",
    ),
    (
        '{"name": "It", "specifications": [{"implementation": "SourceSpecification", "fields": {"value": Infinity}}]}',
        "no number",
    ),
    ('{"name": "It", "specifications": [{"implementation": "SourceSpecification"}]}', "no number"),
    (json.dumps({"name": "It", "specifications": [spec("QualityModifier", 6)]}), "modifier 6"),
    (json.dumps({"name": "It", "specifications": [spec("Language", 99)]}), "language 99"),
    (json.dumps({"name": "It", "specifications": [spec("ReleaseType", 4)]}), "type of release 4"),
    (json.dumps({"name": "It", "specifications": [spec("Size", min=-1, max=2)]}), "min is no number"),
    (json.dumps({"name": "It", "specifications": [spec("Size", min=1, max="2")]}), "max is no number"),
]


@pytest.mark.parametrize(("text", "words"), BAD, ids=range(len(BAD)))
def test_a_wrong_file_is_refused_with_the_reason(text: str | bytes, words: str) -> None:
    with pytest.raises(BadFormat, match=regex.escape(words)):
        imported(text)


def test_a_large_file_is_refused() -> None:
    with pytest.raises(BadFormat, match="4 MiB"):
        imported(" " * ((4 << 20) + 1))


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(max_size=8), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["name", "specifications", "implementation", "fields", "value", "score", "trash_scores"]), inner, max_size=4), max_leaves=12))  # fmt: skip
def test_any_json_is_read_or_refused(value: Any) -> None:
    refused = ""
    try:
        imported(json.dumps(value))
    except BadFormat as refusal:
        refused = str(refusal)
    assert refused.endswith(".") or not refused


# what the guides have, in their own words
BR_DISK = (
    r"^(?!.*\b((?<!HD[._ -]|HD)DVD|BDRip|MKV|XviD|WMV|d3g|BDREMUX|REMUX|^(?=.*1080p)(?=.*HEVC)|[xh][-_. ]?26[45]|German.*DL|"
    r"((?<=\d{4}).*German.*(DL)?)(?=.*\b(AVC|HEVC|VC[-_. ]?1|MVC|MPEG[-_. ]?2)\b))\b)"
    r"(((?=.*\b(Blu[-_. ]?ray|BD|HD[-_. ]?DVD)\b)(?=.*\b(AVC|HEVC|VC[-_. ]?1|MVC|MPEG[-_. ]?2|BDMV|ISO)\b))).*"
)


@pytest.mark.parametrize(
    ("expression", "name", "found"),
    [
        (BR_DISK, "Charade.1963.1080p.BluRay.AVC.DTS-HD.MA-GRP", True),
        (BR_DISK, "Charade.1963.1080p.BluRay.x264-GRP", False),
        (BR_DISK, "Charade.1963.1080p.BluRay.REMUX.AVC-GRP", False),
        (r"(?<!multi-)\b(dub(bed)?)\b|(funi|eng(lish)?)_?dub", "Charade EngDub", True),
        (r"(?<!multi-)\b(dub(bed)?)\b|(funi|eng(lish)?)_?dub", "Charade multi-dub", False),
        (r"\bDD[^a-z+]|(?<!e)ac3", "Charade.DD5.1", True),
        (r"\bDD[^a-z+]|(?<!e)ac3", "Charade.EAC3", False),
        (
            r"^(?=.*\b(DV|DoVi|Dolby[ .]?V(ision)?)\b)(?=.*\b((HDR10(?=(P(lus)?)\b|\+))))",
            "Charade.DV.HDR10+.x265",
            True,
        ),
        (r"(?i)charade", "CHARADE", True),
        (r"(?<=\b[12]\d{3}\b).*\b(3D)\b", "Charade 1963 3D", True),
        (r"(?<name>a)b\k<name>", "aba", True),
        (r"(?'name'a)b\k'name'", "aba", True),
        (r"(?<name>a)b\k{name}", "aba", True),
        (r"(a)?(?(1)b|c)", "ab", True),
        (r"(?<n>a)?(?(n)b|c)$", "xc", True),
        (r"(?>a+)b", "aab", True),
        (r"a\z", "ba", True),
        (r"a\Z", "ba\n", True),
        (r"a\z", "ba\n", False),
        (r"[[a]b", "[b", True),
        (r"[]a]b", "]b", True),
        (r"[^]a]b", "]b", False),
        (r"[\]a]b", "]b", True),
        (r"[a&&b]c", "&c", True),
        (r"[a||b]c", "|c", True),
        (r"[a-]c", "-c", True),
        (r"a{e}", "a{e}", True),
        (r"a{,3}b", "a{,3}b", True),
        (r"a{2}b", "aab", True),
        (r"a{2,}?b", "aaab", True),
        (r"a{2,3}b", "ab", False),
        (r"\p{L}\P{L}", "a1", True),
        (r"\p{IsCyrillic}", "Ж", True),
        (r"\x41\u0042", "AB", True),
        (r"a(?#comment (nested)b", "ab", True),
        (r"(?s:a.b)", "a\nb", True),
        (r"(?s)a.b", "a\nb", True),
        (r"(?x) a b ", "ab", True),
        (r"a(?i)b", "AB", True),
        (r"(?i-s:a)b", "Ab", True),
        (r"a??b", "b", True),
        (r"a b", "a b", True),
        (r"\.\-\[\#", ".-[#", True),
    ],
)
def test_expressions_mean_what_they_mean_in_dotnet(expression: str, name: str, found: bool) -> None:
    assert compiled(expression).found_in(name) is found


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("a" * (MOST_CHARACTERS + 1), "more than"),
        ("(" * (MOST_DEPTH + 1) + ")" * (MOST_DEPTH + 1), "nested"),
        (r"(?<a-b>x)", "the group"),
        (r"(?<-b>x)", "the group"),
        (r"[a-z-[aeiou]]", "subtraction"),
        (r"(?n)a", "flags"),
        (r"a(?s)b", "in the middle"),
        (r"(?-i)a", "flags"),
        (r"(?P<a>x)", "the group"),
        (r"(?R)", "the group"),
        (r"(?|a|b)", "the group"),
        (r"(?(?=a)b|c)", "the group"),
        (r"\Ka", "not known"),
        (r"\Ga", "not known"),
        (r"\L<a>", "not known"),
        (r"\Xa", "not known"),
        (r"\ca", "not known"),
        ("a\\", "not known"),
        (r"a++", "repetition of nothing"),
        (r"a*+", "repetition of nothing"),
        (r"a{2}{3}", "repetition of nothing"),
        (r"*a", "repetition of nothing"),
        (r"a{1001}", "1000"),
        (r"a{1,1001}", "1000"),
        (r"a{999999999}", "1000"),
        (r"[a", "not closed"),
        (r"(?#a", "not closed"),
        (r"(a", "cannot be read"),
        (r"a)", "cannot be read"),
        (r"[z-a]", "cannot be read"),
        (r"\k<none>", "cannot be read"),
        (r"\p{Nonsense}", "cannot be read"),
    ],
)
def test_what_dotnet_reads_otherwise_is_refused(expression: str, words: str) -> None:
    with pytest.raises(BadExpression, match=words):
        compiled(expression)


SLOW = r"^(a|aa)+$"


def test_an_expression_that_never_ends_is_stopped() -> None:
    with pytest.raises(TimeoutError):
        compiled(SLOW).found_in("a" * 90 + "!")


def test_a_format_that_takes_too_long_is_not_held_and_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dotnet, "SECONDS", 0.02)
    many = [
        {"name": f"slow {number}", "specifications": [title(r"(a|aa)+!", negate=True)]} for number in range(MOST_SLOW)
    ]
    quick = [{"name": "quick", "specifications": [title("x264")]}]
    found = held(imported(json.dumps(many[1:] + quick)), subject("x264" + "a" * 80 + "?"))
    assert found.names == ("quick",)
    assert found.slow == tuple(one["name"] for one in many[1:])
    found = held(imported(json.dumps(many + quick)), subject("x264" + "a" * 80 + "?"))
    assert found.names == ()
    assert found.slow[-1] == "quick", "the others are not asked any more"


@given(st.text(alphabet="ab()[]{}|*+?\\^$.<>'!=:#-0123456789ikpPzZLGK &", max_size=40), st.text(max_size=40))
def test_any_expression_is_read_or_refused(expression: str, name: str) -> None:
    try:
        assert compiled(expression).found_in(name) in {True, False}
    except (BadExpression, TimeoutError):
        pass
