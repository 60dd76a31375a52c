"""The parts that pages are made of, as HTML."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import FastAPI
from jinja2 import Environment, UndefinedError

import nightcrew
from nightcrew.app import DOMAINS
from nightcrew.web.forms import Control, Form
from nightcrew.web.paging import paging
from nightcrew.web.plot import Plot, Series, merged
from nightcrew.web.render import OWN_TOPICS, create_renderer

HOSTILE = '<b>"it\'s" & {{ 7 * 7 }}'


@pytest.fixture(scope="module")
def environment() -> Environment:
    app = FastAPI()
    create_renderer(app, DOMAINS)
    made: Environment = app.state.renderer.environment
    return made


def drawn(environment: Environment, text: str, **context: Any) -> str:
    return environment.from_string(text).render(**context)


TABLE = """{% call(row, at) ui.table({"Name": "", "Size": "count", "Actions": "actions"}, rows, empty="No owls yet.") -%}
<tr><th scope="row">{{ row.name }}</th><td{{ at("Size") }}>{{ row.size }}</td><td{{ at("Actions") }}>x</td></tr>
{%- endcall %}"""


def test_a_cell_has_the_name_and_the_look_of_its_column(environment: Environment) -> None:
    html = drawn(environment, TABLE, rows=[{"name": HOSTILE, "size": 3}])
    assert '<th scope="col" class="count">Size</th>' in html
    assert '<td data-label="Size" class="count">3</td><td class="actions">x</td>' in html
    assert '<span class="hidden">Actions</span>' in html
    assert "<b>" not in html


def test_a_table_without_rows_says_so(environment: Environment) -> None:
    assert drawn(environment, TABLE, rows=[]).strip() == '<p class="empty">No owls yet.</p>'


def test_a_cell_of_no_column_is_an_error(environment: Environment) -> None:
    with pytest.raises(UndefinedError):
        drawn(environment, TABLE.replace('at("Size")', 'at("Weight")'), rows=[{"name": "a", "size": 1}])


def test_pages_keep_the_filters_that_are_set() -> None:
    pages = paging("/owls", {"q": "a & b", "show": ""}, "after", 7, 9, anchor="#list")
    assert (pages.first, pages.following) == ("/owls?q=a+%26+b#list", "/owls?q=a+%26+b&after=9#list")
    assert pages.here == "q=a+%26+b&after=7"
    only = paging("/owls", {}, "after", 0, None)
    assert (only.first, only.following, only.here) == ("", "", "")


def test_a_control_is_labelled_and_described(environment: Environment) -> None:
    control = Control("url", "Address", help="Its place.", error="It is empty.", required=True, unit="m", value=HOSTILE)
    html = drawn(environment, "{{ ui.form(form, '/x', 'Save', prefix='n') }}", form=Form((control,), "All wrong."))
    assert '<label for="n-url">' in html
    assert 'aria-invalid="true" aria-describedby="n-url-error n-url-help"' in html
    assert 'id="n-url-error">It is empty.<' in html
    assert 'role="alert">All wrong.<' in html
    assert "<b>" not in html


def test_progress_says_how_long_it_still_takes(environment: Environment) -> None:
    html = drawn(environment, "{{ ui.progress('the film', 0.421, 125, 'joining') }}")
    assert 'value="0.421"' in html
    assert "42\u00a0%, about 2 min left · joining" in html
    assert "value" not in drawn(environment, "{{ ui.progress('the film') }}"), "nobody knows how far it is"


def test_a_dry_run_says_what_would_happen_and_asks(environment: Environment) -> None:
    text = """{% call ui.dry_run("Cut the tree?", "/cut", "Cut it", "/trees", values={"id": 3}) %}<p>It is old.</p>{% endcall %}"""
    html = drawn(environment, text)
    assert '<section class="dry-run" aria-label="Cut the tree?">' in html
    assert "<p>It is old.</p>" in html
    assert '<input type="hidden" name="id" value="3">' in html
    assert re.search(r'method="post" action="/cut".*>Cut it</button>.*href="/trees"', html, re.DOTALL)


PLOT = Plot("Owls", "Three nights.", (0.0, 60.0, 3600.0), (Series("Seen", "owls", (1, None, 3)),), recording=True)


def test_a_plot_is_numbers_words_and_a_table(environment: Environment) -> None:
    html = drawn(environment, "{{ ui.plot(plot) }}", plot=PLOT)
    assert 'aria-label="Owls. Three nights."' in html
    assert '<th scope="row">1:00:00</th><td class="count">3 owls</td>' in html
    assert '<th scope="row">0:01:00</th><td class="count">–</td>' in html
    assert json.loads(PLOT.json)["series"][0]["values"] == [1, None, 3]


def test_a_plot_of_one_value_is_not_drawn_and_one_that_changes_has_another_mark(environment: Environment) -> None:
    one = dataclasses.replace(PLOT, times=(0.0,), series=(Series("Seen", "owls", (1,)),))
    assert drawn(environment, "{{ ui.plot(plot) }}", plot=one).strip() == ""
    assert one.mark != PLOT.mark == dataclasses.replace(PLOT).mark


def test_points_of_several_series_share_their_moments() -> None:
    times, values = merged([(2.0, "b", 5.0), (1.0, "a", 3.0), (1.0, "b", 4.0)])
    assert times == (1.0, 2.0)
    assert values == {"b": (4.0, 5.0), "a": (3.0, None)}


def test_a_state_that_nobody_declared_is_an_error(environment: Environment) -> None:
    assert 'class="pill is-bad">failed<' in drawn(environment, "{{ ui.pill('job.failed') }}")
    with pytest.raises(UndefinedError):
        drawn(environment, "{{ ui.pill('job.flying') }}", job=SimpleNamespace())


DECLARED = {*OWN_TOPICS, *(topic for domain in DOMAINS for topic in domain.topics)}


def test_what_a_page_waits_for_is_declared(environment: Environment) -> None:
    """A topic that the script does not know never comes, and the page would stand still until its next look."""
    assert set(environment.globals["topics"]) == DECLARED
    waited: set[str] = set()
    for page in Path(nightcrew.__file__).parent.glob("*/templates/**/*.html"):
        text = page.read_text("utf-8")
        waited |= set(re.findall(r"live:(\w+)", text))
        for topics in re.findall(r"ui\.live\([^\[)]*\[([^\]]*)\]", text):
            waited |= set(re.findall(r'"(\w+)"', topics))
    assert {"music", "sources"} <= waited <= DECLARED


def test_what_is_published_is_what_pages_listen_to() -> None:
    """A page hears of a change only under a topic that somebody has declared."""
    source = Path(nightcrew.__file__).parent
    texts = [file.read_text() for file in source.rglob("*.py")]
    published = {topic for text in texts for topic in re.findall(r'bus\.publish\(\s*"([a-z_]+)"', text)}
    assert published == DECLARED
