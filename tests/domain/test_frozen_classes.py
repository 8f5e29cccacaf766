"""What `@frozen` makes of classes that say something themselves, have heirs or a mistake: as the standard library."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import FrozenInstanceError, InitVar, dataclass, fields
from typing import Any

import pytest

from app.domain.frozen import frozen

Decorator = Callable[[type[Any]], type[Any]]
standard: Decorator = dataclass(frozen=True, slots=True)
both = pytest.mark.parametrize("decorate", [standard, frozen], ids=["standard library", "ours"])


@frozen
class Kept:
    """A base."""

    name: str
    size: int = 0


@both
def test_what_a_class_says_itself_stays(decorate: Decorator) -> None:
    """A representation, an equality and a hash of its own are kept, as a secret's must be."""

    class Secret:
        """Is never printed."""

        text: str

        def __repr__(self) -> str:
            return "***"

        def __eq__(self, other: object) -> bool:
            return True

        def __hash__(self) -> int:
            return 5

    kind = decorate(Secret)

    assert repr(kind("x")) == "***"
    assert kind("x") == kind("y")
    assert hash(kind("x")) == 5


@both
def test_who_says_only_equality_gets_a_hash(decorate: Decorator) -> None:
    """Python takes the hash away from such a class; freezing brings one of its fields back."""

    class Loose:  # noqa: PLW1641 - what is tested
        """Equal to all."""

        text: str

        def __eq__(self, other: object) -> bool:
            return True

    assert hash(("x",)) == hash(decorate(Loose)("x"))


@both
def test_who_says_it_cannot_be_hashed_is_not(decorate: Decorator) -> None:
    """`__hash__ = None` in a class stands."""

    class Unhashed:
        """Is no key."""

        text: str
        __hash__ = None  # type: ignore[assignment]

    with pytest.raises(TypeError, match="unhashable"):
        hash(decorate(Unhashed)("x"))


@both
def test_what_a_class_does_after_its_making_is_done(decorate: Decorator) -> None:
    """`__post_init__` is called once all values are there, and what it raises comes out."""

    class Checked:
        """Refuses what is negative."""

        size: int

        def __post_init__(self) -> None:
            if self.size < 0:
                raise ValueError("negative")

    kind = decorate(Checked)
    assert kind(1).size == 1
    with pytest.raises(ValueError, match="negative"):
        kind(-1)


@both
def test_heirs_have_the_fields_of_both(decorate: Decorator) -> None:
    """A frozen heir takes over what its base has; one that can be changed is refused, and so is a changeable base."""

    class Base:
        """One field, and one that has a default."""

        node: str
        index: int = 0

    base = decorate(Base)

    class Heir(base):  # type: ignore[misc, valid-type]
        """One field more."""

        more: int = 0

    class Free:
        """Can be changed."""

        size: int = 0

    heir = decorate(Heir)
    assert [*(one.name for one in fields(base)), "more"] == [one.name for one in fields(heir)]
    assert heir("n", more=2) == heir("n", more=2)
    assert heir("n", more=2) != heir("n", more=3)
    with pytest.raises(TypeError, match="cannot inherit non-frozen dataclass from a frozen one"):
        dataclass(type("Loose", (base,), {"__doc__": "Loose."}))
    with pytest.raises(TypeError, match="cannot inherit frozen dataclass from a non-frozen one"):
        decorate(type("Firm", (dataclass(Free),), {"__doc__": "Firm."}))


def test_an_heir_that_is_no_dataclass_may_have_values_of_its_own() -> None:
    """Its base's fields stay as they are."""

    class Heir(Kept):
        """Remembers something."""

    heir = Heir("n")
    heir.more = 3  # type: ignore[attr-defined]

    assert heir.more == 3  # type: ignore[attr-defined]
    with pytest.raises(FrozenInstanceError):
        heir.name = "m"  # type: ignore[misc]
    del heir.more  # type: ignore[attr-defined]


@both
def test_a_required_field_behind_a_default_is_refused(decorate: Decorator) -> None:
    """The class cannot be made."""

    class Wrong:
        """Wrong order."""

        first: int = 0
        second: str

    with pytest.raises(
        TypeError, match=r"non-default argument .*follows default argument|parameter without a default follows"
    ):
        decorate(Wrong)


@both
def test_a_changeable_default_is_refused(decorate: Decorator) -> None:
    """One list for all instances is a mistake."""

    class Shared:
        """Wrong default."""

        some: list[int] = []

    with pytest.raises(ValueError, match="mutable default"):
        decorate(Shared)


@both
def test_who_assigns_in_its_own_way_is_refused(decorate: Decorator) -> None:
    """A class that says what assigning does cannot be frozen as well."""

    class Own:
        """Assigns."""

        size: int

        def __setattr__(self, name: str, value: object) -> None: ...

    with pytest.raises(TypeError, match="Own"):
        decorate(Own)


def test_init_only_values_are_refused() -> None:
    """They would be lost; such a class is for the standard library."""

    class Asks:
        """Has a value for its making alone."""

        size: int
        seed: InitVar[int]

    with pytest.raises(TypeError, match="InitVar"):
        frozen(Asks)
