"""Reading settings: file, then environment, then flags; the later wins. Errors name the key, the file, the nearest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from app.config.settings import (
    DIALECTS,
    JOURNAL,
    LATER,
    LOG_KINDS,
    TABLES,
    VIAS,
    Agent,
    Log,
    Member,
    Prometheus,
    Serve,
    Settings,
    Slurm,
    Target,
    keys,
)

PREFIX = "GPU_WATCHDOG_"
T = TypeVar("T")
_LISTS: Mapping[str, type[Any]] = {"target": Target, "log": Log, "member": Member}
_TRUE, _FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off")


class ConfigError(Exception):
    """The configuration cannot be used; the message is for a person."""


def load(path: Path | None, environ: Mapping[str, str], flags: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from a file (None: no file), the environment and flags (`{"store.path": "…"}`).

    Raises ConfigError.
    """
    settings = parse(_read(path), str(path)) if path else Settings()
    for dotted, text in {**_from_environment(environ), **(flags or {})}.items():
        settings = _override(settings, dotted, text)
    # Of several keys at once, which may come from file, environment and flags: only when all are there.
    _check_serve(settings.serve, settings.origin or "settings")
    return settings


def parse(text: str, origin: str) -> Settings:
    """Read the text of a configuration file. Raises ConfigError."""
    import tomllib  # noqa: PLC0415 - late: a run without a file does not pay for it

    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{origin}: not valid TOML: {error}") from error
    known = (*TABLES, *_LISTS, "prices", *LATER)
    parts: dict[str, Any] = {}
    for name, value in raw.items():
        if name not in known:
            raise ConfigError(f"{origin}: unknown table [{name}]{_nearest(name, known)}")
        if name in _LISTS:
            parts[name] = tuple(_table(_LISTS[name], one, name, origin) for one in _tables(value, name, origin))
        elif name == "prices":
            parts[name] = {model: _price(model, price, origin) for model, price in value.items()}
        elif name in TABLES:
            parts[name] = _table(TABLES[name], value, name, origin)
    settings = Settings(**parts, unused=tuple(name for name in LATER if name in raw), origin=origin)
    return _checked(settings, origin)


def table_variables() -> dict[str, str]:
    """Environment variable → dotted key, for every setting of a plain table."""
    return {f"{PREFIX}{table}_{key}".upper(): f"{table}.{key}" for table, kind in TABLES.items() for key in keys(kind)}


def find_file(environ: Mapping[str, str], home: Path) -> Path | None:
    """The configuration file there is: `$GPU_WATCHDOG_CONFIG`, the user's, then the machine's; None for none."""
    named = environ.get(f"{PREFIX}CONFIG")
    if named:
        return Path(named)
    base = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
    places = (base / "gpu-watchdog" / "config.toml", Path("/etc/gpu-watchdog/config.toml"))
    return next((place for place in places if place.is_file()), None)


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 text at byte {error.start}") from error


def _tables(value: object, name: str, origin: str) -> Sequence[Mapping[str, object]]:
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise ConfigError(f"{origin}: {name} must be written as [[{name}]]")
    return value


def _table(kind: type[T], raw: object, name: str, origin: str) -> T:
    if not isinstance(raw, dict):
        raise ConfigError(f"{origin}: [{name}] must be a table")
    hints = get_type_hints(kind)
    for key in raw:
        if key not in hints:
            raise ConfigError(f"{origin}: unknown key {key!r} in [{name}]{_nearest(key, tuple(hints))}")
    return kind(**{key: _value(hints[key], value, f"{name}.{key}", origin) for key, value in raw.items()})


def _value(kind: object, value: object, dotted: str, origin: str) -> object:
    """A TOML value as its field wants it."""
    if kind is float and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if kind is int and isinstance(value, int) and not isinstance(value, bool):
        return value
    if kind in (str, bool) and isinstance(value, kind):
        return value
    if kind == tuple[str, ...] and isinstance(value, list) and all(isinstance(one, str) for one in value):
        return tuple(value)
    wanted = {float: "a number", int: "a whole number", str: "text", bool: "true or false"}.get(
        kind,  # type: ignore[call-overload]  # any key may be looked up
        "a list of texts",
    )
    raise ConfigError(f"{origin}: {dotted} must be {wanted}, not {value!r}")


def _price(model: str, price: object, origin: str) -> float:
    if isinstance(price, bool) or not isinstance(price, int | float) or price < 0:
        raise ConfigError(f"{origin}: the price of {model!r} must be dollars an hour, not {price!r}")
    return float(price)


def _from_environment(environ: Mapping[str, str]) -> dict[str, str]:
    known = table_variables()
    # In the order of the settings, since each is checked with those before it: shard.of, then shard.index.
    return {dotted: environ[name] for name, dotted in known.items() if name in environ}


def _override(settings: Settings, dotted: str, text: str) -> Settings:
    """One value of a plain table replaced by text from a variable or a flag."""
    table, _, key = dotted.partition(".")
    kind = TABLES[table]
    hint = get_type_hints(kind)[key]
    origin = f"{PREFIX}{table}_{key}".upper()
    value: object = text
    try:
        if hint is float or hint is int:
            value = hint(text)
    except ValueError as error:
        raise ConfigError(f"{origin} must be a number, not {text!r}") from error
    if hint is bool:
        if text.lower() not in (*_TRUE, *_FALSE):
            raise ConfigError(f"{origin} must be true or false, not {text!r}")
        value = text.lower() in _TRUE
    elif hint == tuple[str, ...]:
        value = tuple(part.strip() for part in text.split(",") if part.strip())  # not os.pathsep: addresses hold colons
    changed = replace(getattr(settings, table), **{key: value})
    return _checked(replace(settings, **{table: changed}), origin)


def _checked(settings: Settings, origin: str) -> Settings:
    """The settings, if they make sense together."""
    if not 0.1 <= settings.cluster.interval_s <= 3600:
        raise ConfigError(
            f"{origin}: cluster.interval_s must be 0.1 … 3600 seconds, not {settings.cluster.interval_s:g}"
        )
    for one in settings.target:
        if not one.url:
            raise ConfigError(f"{origin}: a [[target]] has no url")
    for log in settings.log:
        _check_log(log, origin)
    _check_slurm(settings.slurm, origin)
    _check_prometheus(settings.prometheus, origin)
    _check_agent(settings.agent, origin)
    _check_many(settings, origin)
    return settings


def _check_log(log: Log, origin: str) -> None:
    """Refuse a log that is nowhere, at two places, or of no known kind."""
    if log.kind not in LOG_KINDS:
        raise ConfigError(f"{origin}: [[log]] kind cannot be {log.kind!r}{_nearest(log.kind, LOG_KINDS)}")
    if bool(log.path) == bool(log.url):
        raise ConfigError(f"{origin}: a [[log]] needs either path or url")
    is_file = log.path and log.path.partition(":")[0] != JOURNAL
    if is_file and not log.path.startswith(("/", "~/")):
        raise ConfigError(f"{origin}: [[log]] path must begin with / or ~/, or be `{JOURNAL}`, not {log.path!r}")


def _check_slurm(slurm: Slurm, origin: str) -> None:
    """Refuse a way in that is none, and times that cannot be meant."""
    if slurm.via not in VIAS:
        raise ConfigError(f"{origin}: slurm.via cannot be {slurm.via!r}{_nearest(slurm.via, VIAS)}")
    for key, least in (("interval_s", 0.5), ("timeout_s", 0.1), ("details_s", 10.0)):
        value: float = getattr(slurm, key)
        if value and not least <= value <= 86400:
            raise ConfigError(f"{origin}: slurm.{key} must be {least:g} … 86400 seconds, not {value:g}")


def _check_prometheus(server: Prometheus, origin: str) -> None:
    """Refuse an address that is none, and times that cannot be meant."""
    if server.url and not server.url.startswith(("http://", "https://")):
        raise ConfigError(f"{origin}: prometheus.url must begin with http:// or https://, not {server.url!r}")
    if "{" in server.only or "}" in server.only:
        raise ConfigError(f'{origin}: prometheus.only is written without braces: cluster="lab"')
    for key, least in (("interval_s", 0.5), ("timeout_s", 0.5)):
        value: float = getattr(server, key)
        if (value or key == "timeout_s") and not least <= value <= 3600:
            raise ConfigError(f"{origin}: prometheus.{key} must be {least:g} … 3600 seconds, not {value:g}")


def _check_serve(serve: Serve, origin: str) -> None:
    """Refuse a door over TCP that is none, or that would let tokens be read on the way."""
    if bool(serve.tls_cert) != bool(serve.tls_key):
        raise ConfigError(f"{origin}: serve.tls_cert and serve.tls_key go together")
    for key, least, most in (("log_mib", 0.1, 10_000), ("log_keep", 0, 1000)):
        value: float = getattr(serve, key)
        if not least <= value <= most:
            raise ConfigError(f"{origin}: serve.{key} must be {least:g} … {most}, not {value:g}")
    if not serve.tcp:
        return
    host, colon, port = serve.tcp.rpartition(":")
    if not colon or not port.isdigit() or int(port) > 65535:
        raise ConfigError(f"{origin}: serve.tcp must be ADDRESS:PORT, like 127.0.0.1:9444, not {serve.tcp!r}")
    if not serve.token_file:
        raise ConfigError(f"{origin}: serve.tcp needs serve.token_file: nobody comes in over TCP without a token")
    from app.config.tokens import is_loopback  # noqa: PLC0415 - late: it brings hashes, for who has such a door

    if not is_loopback(host.strip("[]")) and not serve.tls_cert:
        raise ConfigError(
            f"{origin}: serve.tcp = {serve.tcp!r} is seen beyond this machine: give serve.tls_cert and serve.tls_key"
        )


def _check_many(settings: Settings, origin: str) -> None:
    """Refuse shares and members that cannot be meant."""
    if not (settings.member or settings.shard.of):
        return
    from app.config.many import members_trouble, shard_trouble  # noqa: PLC0415 - late: for who has several daemons

    trouble = members_trouble(settings.member) or shard_trouble(settings.shard)
    if trouble:
        raise ConfigError(f"{origin}: {trouble}")


def _check_agent(agent: Agent, origin: str) -> None:
    """Refuse an address that is none, and bounds that cannot be meant."""
    if agent.base_url and not agent.base_url.startswith(("http://", "https://")):
        raise ConfigError(f"{origin}: agent.base_url must begin with http:// or https://, not {agent.base_url!r}")
    if agent.tools not in DIALECTS:
        raise ConfigError(f"{origin}: agent.tools cannot be {agent.tools!r}{_nearest(agent.tools, DIALECTS)}")
    bounds = (("first_token_s", 1, 3600), ("answer_s", 1, 86400), ("rounds", 1, 100), ("max_tokens", 64, 1_000_000))
    for key, least, most in bounds:
        value: float = getattr(agent, key)
        if not least <= value <= most:
            raise ConfigError(f"{origin}: agent.{key} must be {least} … {most}, not {value:g}")


def _nearest(word: str, known: Sequence[str]) -> str:
    """A hint for a mistyped word."""
    import difflib  # noqa: PLC0415 - late: for mistakes only

    close = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else f"; known: {', '.join(known)}"
