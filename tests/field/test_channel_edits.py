"""What a person enters for a channel, and what is said of it.

Reported in public for programs of this kind; each test is named for the situation.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from nightcrew.kernel.clock import utcnow
from support import Node

GUIDE = """<tv><channel id="owl.uk"><display-name>Owl TV</display-name></channel>
<programme start="{day}000000 +0000" stop="{day}235900 +0000" channel="owl.uk"><title>Owls</title></programme></tv>"""


async def known(node: Node, folder: Path) -> dict[str, int]:
    """The ids of channels by name: some with numbers, one of them in another region."""
    entries = ['tvg-chno="3",Lark', 'tvg-chno="4",Owl', ",Kite", ",Crow"]
    text = "#EXTM3U\n" + "".join(f"#EXTINF:-1 {one}\nhttp://192.0.2.1/{n}\n" for n, one in enumerate(entries))
    for region, of in (("DE", text), ("FR", text.replace("Lark", "Alouette"))):
        (folder / f"{region}.m3u").write_text(of)
        await node.add(kind="m3u", name=region, url=str(folder / f"{region}.m3u"), region=region)
    found = (await node.get("/api/v1/channels", params={"region": "DE"}))["items"]
    return {one["name"]: one["id"] for one in found}


async def edited(node: Node, channel: int, **values: Any) -> dict[str, Any]:
    found: dict[str, Any] = await node.patch(f"/api/v1/channels/{channel}", values)
    return found


async def test_a_number_that_another_channel_of_the_region_has_is_taken_and_told(node: Node, tmp_path: Path) -> None:
    ids = await known(node, tmp_path)
    answer = await edited(node, ids["Kite"], number="3")
    assert (answer["number"], len(answer["notes"])) == ("3", 1)
    assert "Lark has the number 3 too" in answer["notes"][0]
    assert "Lark and 1 other channel have" in (await edited(node, ids["Owl"], number="3"))["notes"][0]
    assert (await edited(node, ids["Crow"], number="9"))["notes"] == []
    assert (await edited(node, ids["Crow"], name="Raven", number=None))["notes"] == []
    await edited(node, ids["Lark"], hidden=True)
    assert "Owl has" in (await edited(node, ids["Kite"], number="3"))["notes"][0], "a hidden one has no number"


async def test_a_guide_id_that_no_guide_has_is_taken_told_and_marked(node: Node, tmp_path: Path) -> None:
    ids = await known(node, tmp_path)
    (tmp_path / "guide.xml").write_text(GUIDE.format(day=f"{utcnow():%Y%m%d}"))
    await node.add(kind="guide", name="G", url=str(tmp_path / "guide.xml"))
    answer = await edited(node, ids["Kite"], guide_id="no.such.id")
    assert (answer["guide_id"], answer["guide"]) == ("no.such.id", None)
    assert answer["notes"] == ["No guide has the ID no.such.id, so this channel has no programmes."]
    assert (await edited(node, ids["Owl"], guide_id="OWL.uk"))["notes"] == []
    page = (await node.http.get(f"{node.url}/channels", params={"region": "DE"})).text
    assert page.count("(unknown)") == 1


async def test_the_page_says_it_too(node: Node, tmp_path: Path) -> None:
    ids = await known(node, tmp_path)
    form = {"name": "Kite", "number": "3", "guide_id": "no.such.id"}
    answer = await node.http.post(
        f"{node.url}/channels/{ids['Kite']}", data=form, headers={"HX-Request": "true", "Origin": node.url}
    )
    said = json.loads(answer.headers["hx-trigger"])["said"]["text"]
    assert said.startswith("The channel was saved. Lark has the number 3 too.")
    assert said.endswith("No guide has the ID no.such.id, so this channel has no programmes.")
    assert "(unknown)" in answer.text
