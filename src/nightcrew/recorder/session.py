"""A recording's streamlink session: its login goes where it belongs, its requests through its proxy, its options to plugins."""

from __future__ import annotations

import functools
import hashlib
import json
from collections import OrderedDict
from threading import Lock
from typing import Any
from urllib.parse import unquote, urlsplit

import requests
from requests.adapters import HTTPAdapter
from streamlink import Streamlink
from streamlink.cache import Cache
from streamlink.plugin import Plugin
from streamlink.session.http import HTTPSession

from nightcrew.recorder.fetch import session
from nightcrew.recorder.login import StreamLogin, goes_everywhere, login_of
from nightcrew.recorder.plugin_options import options_of, secrets_in
from nightcrew.recorder.proxy import check_named, set_proxy
from nightcrew.recorder.wire import Order

MOST_REMEMBERED = 100
"""Logins of plugins that a process remembers."""
LEAST = 4
"""Characters of a secret that is looked for in a text: a shorter one would hide words."""
_remembered: OrderedDict[str, Cache] = OrderedDict()
_remembering = Lock()


def session_of(order: Order) -> Streamlink:
    """A session for one recording, in which each request is looked at before it is sent."""
    shown = {name: value for name, value in order.headers.items() if goes_everywhere(name)}
    made = session(shown, private=order.private and not order.proxy)
    if order.proxy:
        set_proxy(made, order.proxy)
    if order.options or login_of(order.url, order.headers).headers:
        made.set_option("no-plugin-cache", True)  # a file in which plugins keep what logs them in
    sending = functools.partial(_send, made, login_of(order.url, order.headers))
    setattr(made.http, "mount", functools.partial(_mount, made, type(made.http.get_adapter("https://"))))  # noqa: B010
    setattr(made.http, "send", sending)  # noqa: B010 - each hop of a redirect comes by here; mypy knows no other way
    return made


def _mount(made: Streamlink, guard: type[Any], prefix: str, adapter: HTTPAdapter) -> None:
    """What a plugin mounts to speak TLS in another way keeps the guard and the limits."""
    if prefix.lower().startswith(("http://", "https://")) and not isinstance(adapter, guard):
        adapter = type("_Kept", (guard, type(adapter)), {})()
    HTTPSession.mount(made.http, prefix, adapter)


def _send(made: Streamlink, login: StreamLogin, request: requests.PreparedRequest, **how: Any) -> requests.Response:
    """A request with what of the login may go to its host. An address cannot choose another way out for it."""
    url = request.url or ""
    if made.http.proxies:
        check_named(urlsplit(url).hostname or "")
    sent = request.copy()
    present = {str(name): str(value) for name, value in request.headers.items()}
    present.pop("Proxy-Authorization", None)  # it is for the proxy, which gets it otherwise
    sent.headers.clear()
    sent.headers.update(login.headers_for(url, present))
    return requests.Session.send(made.http, sent, **how | {"proxies": dict(made.http.proxies)})


def without_login(text: str, order: Order) -> str:
    """A text for the log, in which nothing shows that the order says in confidence."""
    own = login_of(order.url, order.headers).headers.values()
    pairs = [pair.strip().partition("=")[2] for value in own for pair in value.split(";")]
    proxy = urlsplit(order.proxy).password or ""
    secrets = {*own, *pairs, *secrets_in(order.options), proxy, unquote(proxy)}
    for secret in sorted((one for one in secrets if len(one) >= LEAST), key=len, reverse=True):
        text = text.replace(secret, "•••")
    return text


def plugin_of(made: Streamlink, order: Order, name: str, kind: type[Plugin], address: str) -> Plugin:
    """A plugin for an address, with the options that are meant for it.

    What it keeps of a login is remembered in this process alone, and for those options alone.
    """
    options = options_of(name, order.options)
    plugin = kind(made, address, options)
    if options:
        plugin.cache = _memory(name, options)
        plugin.load_cookies()
    return plugin


def _memory(name: str, options: dict[str, Any]) -> Cache:
    key = hashlib.sha256(json.dumps([name, options], sort_keys=True).encode()).hexdigest()
    with _remembering:
        known = _remembered.pop(key, None) or Cache("unused", key_prefix=name, disabled=True)
        _remembered[key] = known
        while len(_remembered) > MOST_REMEMBERED:
            _remembered.popitem(last=False)
    return known
