import time

import pytest


async def token(client):
    return (await client.post("/catalogue/token", json={"client": "demo"})).json()["data"]["token"]


async def pages(client, region):
    headers, cursor, found = {"X-Signature": await token(client)}, None, []
    while True:
        body = {"language": "de", "region": region, "cursor": cursor}
        page = (await client.post("/catalogue/list", json=body, headers=headers)).json()
        found.append(page["items"])
        cursor = page["nextCursor"]
        if cursor is None:
            return found


async def test_pages_hold_twenty_items_and_end_with_a_null_cursor(client):
    found = await pages(client, "CH")
    assert [len(page) for page in found] == [20, 5]
    assert set(found[0][0]) == {"id", "name", "group", "logo", "kind", "locator"}


@pytest.mark.parametrize("region", ["DE", "AT", "CH"])
async def test_region_picks_its_slice_and_films_are_mixed_in(client, world, region):
    items = [item for page in await pages(client, region) for item in page]
    live = [item["id"] for item in items if item["kind"] == "live"]
    assert live == [c.id for c in world.catalogue.of("catalogue", region)]
    assert {item["kind"] for item in items} == {"live", "movie"}


async def test_unknown_region_is_empty(client):
    assert await pages(client, "XX") == [[]]


async def test_token_expires_after_a_minute(client, world):
    headers = {"X-Signature": await token(client)}
    body = {"language": "de", "region": "CH", "cursor": None}
    assert (await client.post("/catalogue/list", json=body, headers=headers)).status_code == 200
    world.clock = lambda: time.time() + 61
    assert (await client.post("/catalogue/list", json=body, headers=headers)).status_code == 401
    assert (await client.post("/catalogue/resolve", json={"id": "c00003"}, headers=headers)).status_code == 401


@pytest.mark.parametrize("bad", ["", "x", "99999999999-0000000000000000", "１-1"])
async def test_forged_token_is_refused(client, bad):
    answer = await client.post("/catalogue/list", json={}, headers={"X-Signature": bad.encode()})
    assert answer.status_code == 401


async def test_resolved_url_plays_until_it_is_stale(client, world):
    headers = {"X-Signature": await token(client)}
    answer = (await client.post("/catalogue/resolve", json={"id": "c00003"}, headers=headers)).json()
    stream = answer["streams"][0]
    assert stream["expires_in"] == 120
    assert (await client.get(stream["url"])).status_code == 503, "no pictures here, but the signature is accepted"
    assert (await client.get(stream["url"].replace("c00003", "c00006"))).status_code == 403
    assert (await client.get("/live/c00003/master.m3u8")).status_code == 403
    world.clock = lambda: time.time() + 121
    assert (await client.get(stream["url"])).status_code == 403


async def test_moving_urls_makes_resolved_ones_stale(client, world):
    headers = {"X-Signature": await token(client)}
    answer = (await client.post("/catalogue/resolve", json={"id": "c00003"}, headers=headers)).json()
    world.catalogue.move_urls()
    assert (await client.get(answer["streams"][0]["url"])).status_code == 403


async def test_bad_requests_are_told_so(client):
    headers = {"X-Signature": await token(client)}
    assert (await client.post("/catalogue/token", json={"client": "other"})).status_code == 403
    assert (await client.post("/catalogue/token", content=b"{")).status_code == 400
    assert (await client.post("/catalogue/list", json=[], headers=headers)).status_code == 400
    assert (await client.post("/catalogue/list", json={"cursor": "!"}, headers=headers)).status_code == 400
    assert (await client.post("/catalogue/resolve", json={"id": "nobody"}, headers=headers)).status_code == 404


async def test_options_describe_the_api(client, world):
    """Follows the options by hand, as a consumer would."""
    source = next(s for s in world.sources() if s["kind"] == "catalogue")
    options, base = source["options"], source["url"]
    auth, listing = options["auth"], options["list"]
    answer = (await client.post(base + auth["path"], json=auth["body"])).json()
    for key in auth["token"].split("."):
        answer = answer[key]
    body = {**listing["body"], "language": "de", "region": "CH", "cursor": None}
    page = (await client.post(base + listing["path"], json=body, headers={auth["header"]: answer})).json()
    assert page[options["items"]]
    assert options["next_cursor"] in page
