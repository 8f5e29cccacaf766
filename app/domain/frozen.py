"""`@frozen`: what `@dataclass(frozen=True, slots=True)` makes of a class, in a quarter of the time.

The standard library compiles six methods of each class when it is made, some 0.4 ms: of two hundred classes that was a
fifth of the start. Here only `__init__` is compiled then; what compares, hashes and prints is when it is first called,
from the same text, so that it runs no slower; what refuses to assign needs no compiling. Fields, slots and match
arguments are the standard library's work.

`@unguarded` is for what is made by the ten thousand a look: refusing costs each field of each of them more than all
the rest of making it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, Field, FrozenInstanceError, dataclass, field, fields, is_dataclass
from reprlib import recursive_repr
from typing import Any, TypeVar, dataclass_transform

T = TypeVar("T")


class _Anew:
    """Stands among the parameters for a default that each instance gets one of its own of."""

    def __repr__(self) -> str:
        return "<factory>"


_ANEW = _Anew()


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def frozen(cls: type[T]) -> type[T]:
    """The class as `@dataclass(frozen=True, slots=True)` makes it. Raises TypeError as that does, and for InitVar."""
    if not cls.__doc__:  # the standard library writes one, which names the parameters
        return dataclass(frozen=True, slots=True)(cls)
    own = dict(vars(cls))
    if "__setattr__" in own or "__delattr__" in own:
        raise TypeError(f"{cls.__name__} cannot be frozen: it says itself what assigning does")
    return _made(cls, own, eq=True, is_guarded=True)


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def unguarded(*, eq: bool = True) -> Callable[[type[T]], type[T]]:
    """As `frozen`, but only mypy refuses to assign; making one takes a third of the time. Without `eq` each is itself.

    For the few classes of which every look at a fleet makes tens of thousands.
    """

    def decorate(cls: type[T]) -> type[T]:
        return _made(cls, dict(vars(cls)), eq=eq, is_guarded=False)

    return decorate


def _made(cls: type[T], own: Mapping[str, object], *, eq: bool, is_guarded: bool) -> type[T]:
    """The class with the standard library's fields and our methods; `own` is what it says itself."""
    # Compiles nothing; of an heir only what refuses to assign, without which it is refused for being no frozen one.
    is_heir = any(is_dataclass(base) for base in cls.__mro__[1:])
    made = dataclass(init=False, repr=False, eq=False, frozen=is_heir, slots=True)(cls)
    told = vars(made)["__dataclass_params__"]
    told.init = told.repr = told.frozen = True  # heirs and readers go by what the class is in the end
    told.eq = eq
    has_hash = own.get("__hash__") is not None or ("__hash__" in own and "__eq__" not in own)
    for name, method in _methods(made, eq=eq, is_guarded=is_guarded).items():
        if not has_hash if name == "__hash__" else name not in own:
            setattr(made, name, method)
    return made


def _methods(cls: type, *, eq: bool, is_guarded: bool) -> Mapping[str, Callable[..., Any]]:
    """What the standard library would have compiled, by name."""
    every = fields(cls)
    compared = [one for one in every if one.compare]
    hashed = [one for one in every if (one.compare if one.hash is None else one.hash)]
    shown = ", ".join(f"{one.name}={{self.{one.name}!r}}" for one in every if one.repr)
    methods: dict[str, Callable[..., Any]] = {
        "__init__": _init(cls, every, is_guarded=is_guarded),
        "__repr__": _late(cls, "__repr__", "self", f'self.__class__.__qualname__ + f"({shown})"'),
        "__getstate__": _getstate,
        "__setstate__": _setstate,
    }
    if eq:
        equal = f"{_values('self', compared)} == {_values('other', compared)}"
        methods["__eq__"] = _late(
            cls, "__eq__", "self, other", f"{equal} if other.__class__ is self.__class__ else NotImplemented"
        )
        methods["__hash__"] = _late(cls, "__hash__", "self", f"hash({_values('self', hashed)})")
    if is_guarded:
        methods["__setattr__"], methods["__delattr__"] = _refusing(cls, frozenset(one.name for one in every))
    return methods


def _values(owner: str, some: Sequence[Field[Any]]) -> str:
    """The text of a tuple of an object's values."""
    return f"({''.join(f'{owner}.{one.name},' for one in some)})"


def _late(cls: type, name: str, parameters: str, answer: str) -> Callable[..., Any]:
    """A method that is compiled, and takes its own place, when it is first called."""

    def method(self: object, *others: object) -> object:
        compiled = _compiled(cls, name, parameters, [f"return {answer}"], {})
        if name == "__repr__":
            compiled = recursive_repr()(compiled)
        setattr(cls, name, compiled)
        return compiled(self, *others)

    return _named(method, cls, name)


def _init(cls: type, every: Sequence[Field[Any]], *, is_guarded: bool) -> Callable[..., Any]:
    """`__init__`, compiled at once: most classes have an instance soon, and its signature is asked for."""
    if any("InitVar" in str(one.type) for one in vars(cls)["__dataclass_fields__"].values()):
        raise TypeError(f"{cls.__name__} has an InitVar: that is for @dataclass")
    this = "__frozen_self__" if any(one.name == "self" for one in every) else "self"
    values: dict[str, Any] = {"__set__": object.__setattr__, "__anew__": _ANEW}
    given = {one.name: _given(one, values) for one in every}
    by_place = [given[one.name][0] for one in every if one.init and not one.kw_only]
    by_name = [given[one.name][0] for one in every if one.init and one.kw_only]
    sets = "__set__({}, {!r}, {})" if is_guarded else "{}.{} = {}"
    body = [sets.format(this, name, value) for name, (_, value) in given.items() if value]
    if hasattr(cls, "__post_init__"):
        body.append(f"{this}.__post_init__()")
    parameters = ", ".join((this, *by_place, *(("*", *by_name) if by_name else ())))
    try:
        made = _compiled(cls, "__init__", parameters, body or ["pass"], values)
    except SyntaxError as error:  # a field without a default behind one that has one: as the standard library says it
        raise TypeError(f"{cls.__name__}: {error.msg}") from error
    made.__annotations__ = {one.name: one.type for one in every if one.init} | {"return": None}
    return made


def _given(one: Field[Any], values: dict[str, Any]) -> tuple[str, str]:
    """How a field stands among the parameters, and what it is set to; empty: to nothing."""
    name = f"__{one.name}_default__"
    if one.default_factory is not MISSING:
        values[name] = one.default_factory
        value = f"{name}() if {one.name} is __anew__ else {one.name}" if one.init else f"{name}()"
        return f"{one.name}=__anew__", value
    if one.default is not MISSING:
        values[name] = one.default
        return f"{one.name}={name}", one.name if one.init else name
    return one.name, one.name if one.init else ""


def _compiled(
    cls: type, name: str, parameters: str, body: Sequence[str], values: Mapping[str, Any]
) -> Callable[..., Any]:
    """A function with this text as its body, which sees the class's module and `values`."""
    lines = "\n  ".join(body)
    text = f"def make({', '.join(values)}):\n def {name}({parameters}):\n  {lines}\n return {name}"
    found: dict[str, Any] = {}
    module = sys.modules.get(cls.__module__)
    exec(text, vars(module) if module is not None else {}, found)  # noqa: S102 - as the standard library does; of names only
    return _named(found["make"](**values), cls, name)


def _named(method: Callable[..., Any], cls: type, name: str) -> Callable[..., Any]:
    """The method, called what it is in its class."""
    method.__name__, method.__qualname__ = name, f"{cls.__qualname__}.{name}"
    return method


def _refusing(cls: type, names: frozenset[str]) -> tuple[Callable[..., None], Callable[..., None]]:
    """What refuses to assign and to delete; an heir that is no dataclass may have values of its own."""

    def __setattr__(self: object, name: str, value: object) -> None:  # noqa: N807 - becomes the method of that name
        if type(self) is cls or name in names:
            raise FrozenInstanceError(f"cannot assign to field {name!r}")
        super(cls, self).__setattr__(name, value)  # type: ignore[arg-type]  # mypy knows classes by name only

    def __delattr__(self: object, name: str) -> None:  # noqa: N807 - likewise
        if type(self) is cls or name in names:
            raise FrozenInstanceError(f"cannot delete field {name!r}")
        super(cls, self).__delattr__(name)  # type: ignore[arg-type]  # likewise

    return _named(__setattr__, cls, "__setattr__"), _named(__delattr__, cls, "__delattr__")


def _getstate(self: Any) -> list[object]:  # noqa: ANN401 - of any class made here
    """For pickling: what `_setstate` takes."""
    return [getattr(self, one.name) for one in fields(self)]


def _setstate(self: Any, state: Sequence[object]) -> None:  # noqa: ANN401 - likewise
    for one, value in zip(fields(self), state, strict=False):
        object.__setattr__(self, one.name, value)
