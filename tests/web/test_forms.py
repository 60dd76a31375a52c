"""Forms from classes: what stands in the controls, what was typed, what is wrong."""

from __future__ import annotations

from typing import Literal

import pytest
from pydantic import BaseModel

from nightcrew.kernel.errors import Conflict, Invalid
from nightcrew.kernel.fields import Secret, ask, secrets_of
from nightcrew.web.forms import Control, Form, checked, form_of, values_of


class Nest(BaseModel):
    """What is asked of a nest."""

    name: str = ask(label="Name", min_length=1, max_length=5)
    height: int = ask(3, label="Height", unit="m", ge=1, le=40)
    weight: float | None = ask(None, label="Weight", ge=0)
    wood: Literal["oak", "pine"] = ask("oak", label="Wood", choices=(("oak", "Oak"), ("pine", "Pine")))
    sealed: bool = ask(True, label="Sealed")
    eggs: list[str] = ask([], label="Eggs", help="One per line.")
    birds: frozenset[str] = ask(
        frozenset(), label="Birds", control="checks", choices=(("owl", "Owls"), ("wren", "Wrens"))
    )
    password: Secret = ask("", label="Password")


def control(form: Form, name: str) -> Control:
    return next(one for one in form.controls if one.name == name)


def test_the_type_and_the_words_of_a_field_make_its_control() -> None:
    form = form_of(Nest)
    kinds = {one.name: one.kind for one in form.controls}
    assert kinds == {
        "name": "text",
        "height": "number",
        "weight": "number",
        "wood": "select",
        "sealed": "checkbox",
        "eggs": "lines",
        "birds": "checks",
        "password": "password",
    }
    height = control(form, "height")
    assert (height.value, height.unit, dict(height.attributes)) == ("3", "m", {"min": 1, "max": 40})
    assert control(form, "weight").attributes == {"min": 0, "step": "any"}
    assert control(form, "name").required
    assert not height.required
    assert control(form, "wood").choices == (("oak", "Oak"), ("pine", "Pine"))


def test_only_the_fields_that_are_asked_for_and_in_their_order() -> None:
    assert [one.name for one in form_of(Nest, ("wood", "name")).controls] == ["wood", "name"]


def test_what_was_typed_becomes_values_and_what_is_empty_the_default() -> None:
    typed = {
        "name": " Ada ",
        "height": "",
        "weight": "1,5",
        "eggs": "one\r\n\r\ntwo",
        "birds.wren": "on",
        "wood": "pine",
    }
    values = values_of(Nest, typed)
    assert values == {
        "name": "Ada",
        "height": 3,
        "weight": 1.5,
        "wood": "pine",
        "sealed": False,
        "eggs": ["one", "two"],
        "birds": ["wren"],
        "password": "",
    }
    assert checked(Nest, values).birds == {"wren"}


def test_what_cannot_be_read_is_refused_at_its_field() -> None:
    for typed, field in (({"height": "tall"}, "height"), ({"name": ""}, "name"), ({"name": "much too long"}, "name")):
        with pytest.raises(Invalid) as caught:
            checked(Nest, values_of(Nest, {"name": "Ada", **typed}))
        assert caught.value.field == field


def test_an_error_stands_beside_its_control_and_what_was_typed_stays() -> None:
    form = form_of(Nest, typed={"name": "Ada", "height": "99"}, error=Invalid("height: it is too high", field="height"))
    assert control(form, "height").error == "It is too high."
    assert control(form, "height").value == "99"
    assert form.error == ""
    assert [one.name for one in form.controls if one.error] == ["height"]


def test_an_error_of_no_field_stands_above_and_a_name_that_is_taken_at_the_name() -> None:
    assert form_of(Nest, error=Invalid("the tree is gone", field="tree")).error == "The tree is gone."
    taken = form_of(Nest, error=Conflict("there is a nest of this name already"))
    assert control(taken, "name").error == "There is a nest of this name already."


def test_a_secret_is_never_filled_in_and_may_stay_empty_where_one_is_stored() -> None:
    assert secrets_of(Nest) == {"password"}
    form = form_of(Nest, values={"password": "hunter2"}, kept={"password": ""}, typed={"password": "hunter3"})
    assert "hunter" not in repr(form)
    assert control(form, "password").placeholder == "stored, not shown"
    assert "password" not in values_of(Nest, {"name": "Ada"}, kept={"password"})
    assert values_of(Nest, {"name": "Ada", "password": "x"}, kept={"password"})["password"] == "x"
