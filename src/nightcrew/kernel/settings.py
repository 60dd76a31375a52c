"""Options, declared once: the form, the file, the environment, the command line and the docs come from here."""

from __future__ import annotations

import asyncio
import functools
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar, cast

import sqlalchemy as sa
import structlog
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo

from nightcrew.kernel import redaction
from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.errors import Invalid, NeedsUser
from nightcrew.kernel.fields import secrets_of
from nightcrew.kernel.settings_given import ALSO, FIXED, Given, env_name, is_fixed
from nightcrew.kernel.store import Moment, Store, metadata
from nightcrew.kernel.vault import Vault

log = structlog.get_logger("nightcrew.settings")
OptionsT = TypeVar("OptionsT", bound="Options")

setting = sa.Table(
    "setting",
    metadata,
    sa.Column("key", sa.String(210), primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
    sa.Column("changed_at", Moment, nullable=False),
    sa.Column("changed_by", sa.String(100), nullable=False),
)


class Options(BaseModel):
    """Base of a domain's settings: frozen, so that a cycle sees one consistent set."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    def __repr_args__(self) -> Any:
        """Without secrets, so that no traceback shows one."""
        return [(name, value) for name, value in super().__repr_args__() if name not in _secret(type(self))]


def option(
    default: Any,
    *,
    help: str,  # noqa: A002
    unit: str | None = None,
    per_node: bool = False,
    environment_only: bool = False,
    also_env: str = "",
    **bounds: Any,
) -> Any:
    """One option. `bounds` are pydantic's (`ge`, `le`, `max_length`, …); `unit` is shown beside the field.

    `per_node`: each machine has a value of its own, such as a folder. An option of the type `fields.Secret` is stored sealed,
    and no answer, page or log shows it. `environment_only`: neither the database nor the file sets it, as both may come from a
    stranger's backup; for what starts programs. `also_env`: another variable of the environment that sets it, which a program that
    ours takes the place of has.
    """
    extra: dict[str, Any] = {"unit": unit} if unit else {}
    if per_node:
        extra["per_node"] = True
    if environment_only:
        extra[FIXED] = True
    if also_env:
        extra[ALSO] = also_env
    if isinstance(default, list | dict):
        return Field(default_factory=default.copy, description=help, json_schema_extra=extra, **bounds)
    return Field(default, description=help, json_schema_extra=extra, **bounds)


class Settings:
    """The current values of all options.

    Precedence, highest first: changed at run time (database), environment `NIGHTCREW_<DOMAIN>_<OPTION>`, the file
    `nightcrew.toml` in the data directory (a table for each domain), the default. `of()` gives an immutable snapshot;
    work reads it at the start of a cycle, so a change takes effect in the next one.
    """

    def __init__(
        self,
        models: Mapping[str, type[Options]],
        *,
        data_dir: Path,
        env: Mapping[str, str] | None = None,
        node: str = "",
        vault: Vault | None = None,
    ) -> None:
        """`vault` seals secret options; without one none can be stored."""
        self._models = dict(models)
        self._node = node
        self._vault = vault
        self._given = Given(self._models, data_dir=data_dir, env=env)
        self._stored: dict[str, Any] = {}
        self.unfit: dict[str, str] = {}
        """Stored options that this version does not take, each with the reason: their defaults are used."""
        self._values: dict[str, Options] = {}
        self._watchers: list[Callable[[frozenset[str]], None]] = []
        self._changing = asyncio.Lock()
        self._keys = {
            f"{domain}.{name}": domain for domain, model in self._models.items() for name in model.model_fields
        }
        self._rebuild()

    def of(self, model: type[OptionsT]) -> OptionsT:
        """The present values of one domain's options."""
        for domain, known in self._models.items():
            if issubclass(known, model):
                return cast("OptionsT", self._values[domain])
        raise LookupError(f"{model.__name__} is not registered")

    def value(self, key: str) -> Any:
        """The present value of one option, by its full key."""
        domain, name = key.split(".", 1)
        return getattr(self._values[domain], name)

    def watch(self, on_change: Callable[[frozenset[str]], None]) -> None:
        """Call `on_change(keys)` on the event loop after each change."""
        self._watchers.append(on_change)

    async def load(self, store: Store) -> None:
        """Read what was changed at run time; tell the watchers when another node changed something."""
        async with self._changing:
            async with store.read() as connection:
                rows = (await connection.execute(sa.select(setting.c.key, setting.c.value))).all()
            known = {key: json.loads(value) for key, value in rows}
            settable = [key for key in self._keys if not self._is_fixed(key)]
            found = {key: known[row] for key in settable for row in (key, self._row_of(key)) if row in known}
            stored = self._fitting(self._unsealed(found))
            changed = frozenset(
                key for key in stored.keys() | self._stored.keys() if stored.get(key) != self._stored.get(key)
            )
            if changed:
                self._stored = stored
                self._rebuild()
                self._tell(changed)

    def _unsealed(self, stored: dict[str, Any]) -> dict[str, Any]:
        """With secrets in the clear. One that this key does not open is passed over: it has to be entered again."""
        for key in [key for key in stored if self._is_secret(key)]:
            sealed = stored.pop(key)
            try:
                stored[key] = self._opened.unseal(str(sealed))
            except NeedsUser as exc:
                log.warning("a secret setting cannot be read and is passed over", key=key, why=str(exc))
        return stored

    def _is_secret(self, key: str) -> bool:
        domain, name = key.split(".", 1)
        return is_secret(self._models[domain], name)

    def _is_fixed(self, key: str) -> bool:
        domain, name = key.split(".", 1)
        return is_fixed(self._models[domain].model_fields[name])

    @property
    def _opened(self) -> Vault:
        if self._vault is None:
            raise LookupError("these settings have no vault for secrets")
        return self._vault

    def _fitting(self, stored: dict[str, Any]) -> dict[str, Any]:
        """Without values that an older version took and this one does not: they must not stop a start."""
        self.unfit = {}
        try:
            self._build(stored)
        except Invalid:
            good: dict[str, Any] = {}
            for key, value in stored.items():
                try:
                    self._build({**good, key: value})
                except Invalid as exc:
                    log.warning("a stored setting no longer fits and is passed over", key=key, why=str(exc))
                    self.unfit[key] = str(exc)
                else:
                    good[key] = value
            return good
        return stored

    async def change(self, store: Store, values: Mapping[str, Any], *, actor: str) -> dict[str, Any]:
        """Change only the named options and store them; returns what really changed, by full key.

        A value of None takes an option back to the environment, the file or the default. Nothing is changed when one value is wrong.
        A secret is returned masked, and one that comes back masked stays as it is. Raises `Invalid` naming the key and its bounds.
        """
        resolved = {self.resolve(key): value for key, value in values.items()}
        for key in resolved:
            if self._is_fixed(key):
                variable = env_name(*key.split(".", 1))
                raise Invalid(f"{key}: only the environment variable {variable} sets it, and a restart", field=key)
        meant = {
            key: value for key, value in resolved.items() if not (self._is_secret(key) and value == redaction.MASK)
        }
        async with self._changing:
            return await self._change(store, meant, actor)

    async def _change(self, store: Store, resolved: Mapping[str, Any], actor: str) -> dict[str, Any]:
        stored = dict(self._stored)
        for key, value in resolved.items():
            if value is None:
                stored.pop(key, None)
            else:
                stored[key] = value
        fresh = self._build(stored)
        changed: dict[str, Any] = {}
        for key in resolved:
            domain, name = key.split(".", 1)
            if getattr(fresh[domain], name) != getattr(self._values[domain], name) or (key in stored) != (
                key in self._stored
            ):
                changed[key] = _shown(fresh[domain], name)
        for key in resolved.keys() & stored.keys():
            domain, name = key.split(".", 1)
            stored[key] = _plain(fresh[domain], name)
        async with store.write() as connection:
            for key in sorted(resolved):
                if key in stored:
                    value = self._opened.seal(stored[key]) if self._is_secret(key) else stored[key]
                    row = {"value": json.dumps(value), "changed_at": utcnow(), "changed_by": actor}
                    insert = store.upsert(setting).values(key=self._row_of(key), **row)
                    await connection.execute(insert.on_conflict_do_update(index_elements=["key"], set_=row))
                else:
                    await connection.execute(sa.delete(setting).where(setting.c.key.in_({key, self._row_of(key)})))
        self.unfit = {key: why for key, why in self.unfit.items() if key not in resolved}
        self._stored = stored
        self._values = fresh
        if changed:
            self._tell(frozenset(changed))
        return changed

    def _row_of(self, key: str) -> str:
        """Under which key an option is stored: a machine's own value with the machine's name behind it."""
        domain, name = key.split(".", 1)
        extra = self._models[domain].model_fields[name].json_schema_extra
        own = self._node and isinstance(extra, dict) and extra.get("per_node")
        return f"{key}@{self._node}" if own else key

    def resolve(self, key: str) -> str:
        """The full key `domain.option` for a full or unique bare name. Raises `Invalid` for an unknown one."""
        if key in self._keys:
            return key
        matches = [full for full in self._keys if full.split(".", 1)[1].lower() == key.lower()]
        if len(matches) == 1:
            return matches[0]
        if matches:
            raise Invalid(f"there are {len(matches)} settings of that name: {', '.join(matches)}", field=key)
        raise Invalid(f"there is no setting {key!r}", field=key)

    def describe(self) -> list[dict[str, Any]]:
        """Every option as plain data: key, value, default, where the value comes from, type, unit, bounds, help."""
        return [
            self._describe(domain, name, field)
            for domain, model in self._models.items()
            for name, field in model.model_fields.items()
        ]

    def _describe(self, domain: str, name: str, field: FieldInfo) -> dict[str, Any]:
        key = f"{domain}.{name}"
        schema = _schema(self._models[domain])[name]
        bounds = {
            k: v for k, v in schema.items() if k in {"minimum", "maximum", "enum", "maxLength", "minLength", "pattern"}
        }
        extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
        default = _defaults(self._models[domain])[name]
        return {
            "key": key,
            "domain": domain,
            "name": name,
            "value": _shown(self._values[domain], name),
            "default": "" if self._is_secret(key) else default,
            "origin": self._origin(key),
            "env": env_name(domain, name),
            "type": schema.get("type", "string"),
            "unit": extra.get("unit"),
            "bounds": bounds,
            "secret": self._is_secret(key),
            "fixed": self._is_fixed(key),
            "help": field.description or "",
        }

    def _origin(self, key: str) -> str:
        domain, name = key.split(".", 1)
        return "changed" if key in self._stored else self._given.origin(domain, name, fixed=self._is_fixed(key))

    def _rebuild(self) -> None:
        self._values = self._build(self._stored)

    def _build(self, stored: Mapping[str, Any]) -> dict[str, Options]:
        return {domain: self._build_domain(domain, model, stored) for domain, model in self._models.items()}

    def _build_domain(self, domain: str, model: type[Options], stored: Mapping[str, Any]) -> Options:
        changed = {name: stored[key] for name in model.model_fields if (key := f"{domain}.{name}") in stored}
        try:
            built = model.model_validate(self._given.values(domain, model) | changed)
        except ValidationError as exc:
            raise invalid_from(exc, domain) from exc
        redaction.know(str(value) for name in _secret(model) if (value := getattr(built, name)))
        return built

    def _tell(self, keys: frozenset[str]) -> None:
        for watcher in self._watchers:
            watcher(keys)


@functools.cache
def _schema(model: type[Options]) -> dict[str, Any]:
    properties: dict[str, Any] = model.model_json_schema()["properties"]
    return properties


@functools.cache
def _defaults(model: type[Options]) -> dict[str, Any]:
    """The values of options that nobody has set, as JSON has them."""
    return dict(json.loads(model.model_construct().model_dump_json()))


@functools.cache
def _secret(model: type[Options]) -> frozenset[str]:
    return secrets_of(model)


def is_secret(model: type[Options], name: str) -> bool:
    """Whether an option is stored sealed."""
    return name in _secret(model)


def check_value(domain: str, model: type[Options], name: str, value: Any) -> None:
    """Raise `Invalid` for a value that an option cannot have."""
    try:
        model.model_validate({name: value})
    except ValidationError as exc:
        raise invalid_from(exc, domain) from exc


_IN_WORDS = {
    "list_type": 'it takes a list, written as JSON: ["one", "two"]',
    "string_pattern_mismatch": "it is not of the form that its help describes",
}
"""Pydantic's complaints that a person would not understand."""


def invalid_from(exc: ValidationError, prefix: str = "") -> Invalid:
    """The first complaint of pydantic as one sentence that names the key and what was expected."""
    first = exc.errors(include_url=False, include_context=False)[0]
    key = ".".join(str(part) for part in (prefix, *first["loc"]) if str(part))
    message = _IN_WORDS.get(first["type"]) or first["msg"][:1].lower() + first["msg"][1:]
    return Invalid(f"{key}: {message.removeprefix('value error, ')}", field=key)


def _plain(values: Options, name: str) -> Any:
    return values.model_dump(mode="json", include={name})[name]


def _shown(values: Options, name: str) -> Any:
    """The value for people: of a secret, only whether there is one."""
    value = _plain(values, name)
    return value if name not in _secret(type(values)) else redaction.MASK if value else ""
