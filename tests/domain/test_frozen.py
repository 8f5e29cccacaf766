"""`@frozen` makes of a class what `@dataclass(frozen=True, slots=True)` makes of it: claims are held against both."""

from __future__ import annotations

import copy
import inspect
import pickle
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import MISSING, FrozenInstanceError, asdict, astuple, dataclass, field, fields, replace
from typing import Any, ClassVar, Generic, TypeVar

import pytest

from app.domain.frozen import frozen, unguarded

T = TypeVar("T")
Decorator = Callable[[type[Any]], type[Any]]
standard: Decorator = dataclass(frozen=True, slots=True)
both = pytest.mark.parametrize("decorate", [standard, frozen], ids=["standard library", "ours"])


@frozen
class Kept:
    """At module level, where pickle finds it."""

    name: str
    sizes: tuple[int, ...] = ()


def _card() -> type[Any]:
    class Card:
        """With everything a field can say."""

        KINDS: ClassVar[tuple[str, ...]] = ("a", "b")

        node: str
        index: int = 0
        tags: list[str] = field(default_factory=list)
        secret: str = field(default="", repr=False)
        seen: float = field(default=0.0, compare=False)
        rank: int = field(default=1, hash=False)
        note: str = field(default="", kw_only=True)
        made: int = field(default=7, init=False)
        parts: Mapping[str, int] = field(default_factory=dict, init=False)

        def double(self) -> int:
            return self.index * 2

    return Card


def _empty() -> type[Any]:
    class Empty:
        """Nothing."""

    return Empty


def _odd() -> type[Any]:
    class Odd:
        """Names that a careless text would stumble over."""

        self: int
        name: str = ""
        other: int = 0
        object: int = 0
        cls: int = 0

    return Odd


def _bare() -> type[Any]:
    class Bare:
        size: int = 1

    return Bare


def _generic() -> type[Any]:
    class Box(Generic[T]):
        """Of anything."""

        value: T
        size: int = 1

    return Box


shapes = pytest.mark.parametrize("shape", [_card, _empty, _odd, _bare, _generic])


@shapes
def test_a_class_says_the_same_of_itself(shape: Callable[[], type[Any]]) -> None:
    """Signature, fields with their defaults, match arguments, slots, documentation and parameters are the same."""
    theirs, ours = standard(shape()), frozen(shape())

    assert str(inspect.signature(theirs)) == str(inspect.signature(ours))
    assert [_told(one) for one in fields(theirs)] == [_told(one) for one in fields(ours)]
    assert theirs.__match_args__ == ours.__match_args__
    assert theirs.__slots__ == ours.__slots__
    assert theirs.__doc__ == ours.__doc__
    assert repr(theirs.__dataclass_params__) == repr(ours.__dataclass_params__)
    assert set(vars(theirs)) == set(vars(ours))
    for name in ("__init__", "__repr__", "__eq__", "__hash__", "__setattr__", "__delattr__"):
        assert getattr(theirs, name).__qualname__ == getattr(ours, name).__qualname__
        assert getattr(theirs, name).__module__ in (__name__, getattr(ours, name).__module__)


def _told(one: Any) -> tuple[object, ...]:  # noqa: ANN401 - a field of any type
    factory = None if one.default_factory is MISSING else one.default_factory
    return one.name, one.type, one.default is MISSING, factory, one.init, one.repr, one.compare, one.hash, one.kw_only


def test_values_print_compare_and_hash_the_same() -> None:
    """The text is the same, and so is which fields count for equality and for the hash."""
    theirs, ours = (decorate(_card()) for decorate in (standard, frozen))
    given = {"node": "n1", "index": 3, "tags": ("x",), "secret": "s", "seen": 2.0, "rank": 4, "note": "hm"}
    one, two = theirs(**given), ours(**given)

    assert repr(one) == repr(two)
    assert "secret" not in repr(two)
    assert asdict(one) == asdict(two)
    assert astuple(one) == astuple(two)
    for name, value in (("index", 4), ("secret", "t"), ("seen", 9.0), ("rank", 5), ("note", "")):
        changed = replace(one, **{name: value}), replace(two, **{name: value})
        assert (one == changed[0]) == (two == changed[1])
    keyed = {key: value for key, value in given.items() if key != "tags"}
    with pytest.raises(TypeError, match="unhashable"):
        hash(ours(**keyed))


def test_hashes_are_those_of_the_standard_library() -> None:
    """What is hashed is the same tuple of values."""
    assert hash(("n1", (1, 2))) == hash(Kept("n1", (1, 2)))
    assert {Kept("n1"): 1}[Kept("n1")] == 1


@both
def test_other_classes_are_never_equal(decorate: Decorator) -> None:
    """Neither a class of the same fields nor an heir equals it; and the other side is asked too."""
    one, two = decorate(_odd()), decorate(_odd())

    class Heir(one):  # type: ignore[misc, valid-type]
        """Adds nothing."""

    assert one(1) == one(1)
    assert one(1) != one(2)
    assert one(1) != two(1)
    assert one(1) != Heir(1)
    assert Heir(1) == Heir(1)
    assert one(1).__eq__(3) is NotImplemented


@both
@pytest.mark.parametrize(
    ("given", "named"),
    [((), {}), (("n", 1, [], "", 0.0, 1, "x"), {}), (("n",), {"unknown": 1}), (("n",), {"node": "m"})],
)
def test_wrong_arguments_are_refused(decorate: Decorator, given: tuple[Any, ...], named: dict[str, Any]) -> None:
    """Too few, too many, unknown and doubled ones; in words that name what is wrong with which class."""
    with pytest.raises(TypeError, match=r"__init__\(\)"):
        decorate(_card())(*given, **named)


def test_wrong_arguments_are_refused_in_the_same_words() -> None:
    """Whoever reads the error need not know which of the two made the class."""
    said = []
    for decorate in (standard, frozen):
        with pytest.raises(TypeError) as refused:
            decorate(_card())()
        said.append(str(refused.value))

    assert said[0] == said[1]


@both
def test_each_instance_has_defaults_of_its_own(decorate: Decorator) -> None:
    """What a factory makes is made anew; a given value is taken, also an empty one; what is not given is set too."""
    kind = decorate(_card())
    mine: list[str] = []

    assert kind("a").tags is not kind("b").tags
    assert kind("a", tags=mine).tags is mine
    assert kind("a").made == 7
    assert kind("a").parts == {}
    assert ("a", "b") == kind.KINDS
    assert kind("a", 2).double() == 4


@both
def test_nothing_can_be_assigned_or_deleted(decorate: Decorator) -> None:
    """Fields are refused as frozen; what is no field is refused too."""
    one = decorate(_card())("n")

    with pytest.raises(FrozenInstanceError, match="cannot assign to field 'index'"):
        one.index = 4
    with pytest.raises(FrozenInstanceError, match="cannot delete field 'index'"):
        del one.index
    with pytest.raises((FrozenInstanceError, TypeError)):  # Python 3.11's own is a TypeError, by a mistake of it
        one.stranger = 1
    assert not hasattr(one, "__dict__")


def test_what_is_unguarded_is_otherwise_the_same() -> None:
    """It prints, compares, hashes, copies and packs as a frozen one; only mypy refuses to assign."""
    theirs, ours = frozen(_card()), unguarded()(_card())
    one = ours("n", 3, tags=("x",))

    assert str(inspect.signature(theirs)) == str(inspect.signature(ours))
    assert repr(theirs("n", 3, tags=("x",))) == repr(one)
    assert ours("n", 3, tags=("x",)) == one
    assert ours("m", 3, tags=("x",)) != one
    assert hash(frozen(_bare())(2)) == hash(unguarded()(_bare())(2))
    assert (replace(one, index=4).index, copy.copy(one)) == (4, one)
    assert not hasattr(one, "__dict__")


def test_without_equality_each_unguarded_one_is_itself() -> None:
    """Two with the same values are two, as keys too, however they are packed."""
    kind = unguarded(eq=False)(_card())
    one, other = kind("n"), kind("n")

    assert one != other
    assert 2 == len({one, other})
    assert not kind.__dataclass_params__.eq


@pytest.mark.parametrize("again", [pickle.loads, None], ids=["pickled", "copied"])
def test_a_value_survives_being_packed(again: Callable[[bytes], object] | None) -> None:
    """Pickled in any protocol, copied flat and deep, it is equal."""
    one = Kept("n", (1, 2))
    if again is None:
        assert one == copy.copy(one)
        assert one == copy.deepcopy(one)
        return
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        assert one == again(pickle.dumps(one, protocol))


def test_a_value_can_be_taken_apart() -> None:
    """Patterns take fields by place and by name."""
    match Kept("n", (3,)):
        case Kept(name, sizes=(size,)):
            assert ("n", 3) == (name, size)
        case _:
            pytest.fail("does not match")


@both
def test_what_holds_itself_can_be_printed(decorate: Decorator) -> None:
    """A value within itself is printed as three dots."""
    tags: list[object] = []
    one = decorate(_card())("n", tags=tags)
    tags.append(one)

    assert "tags=[...]" in repr(one)


def test_comparing_is_compiled_when_it_is_first_wanted() -> None:
    """And takes its own place: the second comparison runs what the first one made."""
    kind = frozen(_odd())
    before = kind.__eq__

    assert kind(1) == kind(1)
    assert before is not kind.__eq__
    after = kind.__eq__
    assert kind(1) == kind(1)
    assert after is kind.__eq__


def test_threads_may_be_the_first_at_once() -> None:
    """Whoever compiles last replaces what does the same."""
    kind = frozen(_odd())
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda number: (kind(number) == kind(number), hash(kind(number))), range(64)))

    assert [(True, hash((number, "", 0, 0, 0))) for number in range(64)] == answers
