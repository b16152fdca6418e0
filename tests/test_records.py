"""Records behave as dataclasses do."""

from __future__ import annotations

import copy
import dataclasses
import pickle
import subprocess
import sys
from typing import ClassVar

import msgspec
import pytest

from orobuild import records


def classes(dataclass, field):
    """The same classes, made by one decorator or the other."""

    @dataclass(frozen=True, slots=True)
    class Point:
        x: int
        y: int = 2
        tags: list[str] = field(default_factory=list, compare=False)
        secret: str = field(default="s", repr=False)

    @dataclass(slots=True)
    class Base:
        a: int
        b: int = 0

    @dataclass(slots=True)
    class Derived(Base):
        c: str = "c"

        def shown(self) -> str:
            return f"{self.a}{self.c}"

    @dataclass(kw_only=True)
    class Named:
        first: int
        second: int = 5

        def __post_init__(self) -> None:
            self.total = self.first + self.second

    @dataclass(slots=True, eq=False)
    class Same:
        x: int

    return Point, Base, Derived, Named, Same


OURS = classes(records.dataclass, records.field)
THEIRS = classes(dataclasses.dataclass, dataclasses.field)


@pytest.mark.parametrize("made", [OURS, THEIRS], ids=["ours", "theirs"])
def test_they_are_made_shown_compared_and_hashed(made):
    point, base, derived, named, same = made
    one = point(1)
    assert (one.x, one.y, one.tags, one.secret) == (1, 2, [], "s")
    assert one.tags is not point(1).tags
    assert repr(one).endswith("Point(x=1, y=2, tags=[])")
    assert one == point(1, 2, ["t"])
    assert one != point(1, secret="other")
    assert hash(one) == hash(point(1))
    assert {one: 1}[point(1, 2)] == 1
    with pytest.raises(TypeError):
        point()
    with pytest.raises(TypeError):
        point(1, 2, 3, 4, 5)
    with pytest.raises(TypeError):
        hash(base(1))
    assert derived(1, 2).c == "c"
    assert derived(1).shown() == "1c"
    assert derived(1) != base(1)
    assert repr(derived(1)).endswith("Derived(a=1, b=0, c='c')")
    assert named(first=1).total == 6
    with pytest.raises(TypeError):
        named(1)
    assert same(1) != same(1)
    match derived(1, 2, "x"):
        case derived(a, _, text):
            assert (a, text) == (1, "x")


@pytest.mark.parametrize("replace", [records.replace, dataclasses.replace])
@pytest.mark.parametrize("made", [OURS, THEIRS], ids=["ours", "theirs"])
def test_either_replaces_fields_of_both(made, replace):
    point = made[0]
    changed = replace(point(1, 2, ["t"]), y=9)
    assert (changed.x, changed.y, changed.tags) == (1, 9, ["t"])
    with pytest.raises(TypeError):
        replace(point(1), unknown=1)


def test_what_dataclasses_offers_works_on_records():
    point = OURS[0]
    assert [field.name for field in dataclasses.fields(point)] == ["x", "y", "tags", "secret"]
    assert dataclasses.asdict(point(1)) == {"x": 1, "y": 2, "tags": [], "secret": "s"}


@dataclasses.dataclass(frozen=True, slots=True)
class Inheriting(OURS[0]):
    """A dataclass below a record."""

    more: int = 3


def test_a_dataclass_inherits_a_record():
    made = Inheriting(1, more=4)
    assert (made.x, made.y, made.tags, made.more) == (1, 2, [], 4)
    assert dataclasses.replace(made, x=5) == Inheriting(5, more=4)
    assert records.replace(made, x=5) == Inheriting(5, more=4)


@records.dataclass(frozen=True, slots=True)
class Kept:
    """At module level, so that it can be pickled."""

    x: int
    y: tuple[int, ...] = ()


def test_they_can_be_copied_and_pickled():
    kept = Kept(1, (2, 3))
    assert copy.deepcopy(kept) == kept
    assert pickle.loads(pickle.dumps(kept)) == kept
    assert not hasattr(kept, "__dict__")


def kinds(dataclass, field):
    """Classes in which records and dataclasses could differ, made by one or the other."""

    @dataclass(frozen=True)
    class Open:
        x: int
        y: int = field(default=3)
        kept: ClassVar[int] = 9

    @dataclass(frozen=True, slots=True)
    class Shut:
        x: int
        others: list[object] = field(default_factory=list, compare=False)

    @dataclass(frozen=True, slots=True)
    class Below(Shut):
        x: int = 5
        z: float = 1.5

    @dataclass(slots=True)
    class Positional:
        a: int

    @dataclass(slots=True, kw_only=True)
    class Mixed(Positional):
        b: int = 2
        c: int

    @dataclass(frozen=True)
    class Hashed:
        x: list[int]

        def __hash__(self) -> int:
            return 7

    @dataclass(frozen=True)
    class Equal:  # noqa: PLW1641 - that is the question
        x: int

        def __eq__(self, other: object) -> bool:
            return True

    @dataclass(eq=False, frozen=True, slots=True)
    class Itself:
        x: int

    return Open, Shut, Below, Positional, Mixed, Hashed, Equal, Itself


PAIRS = list(
    zip(
        kinds(records.dataclass, records.field),
        kinds(dataclasses.dataclass, dataclasses.field),
        strict=True,
    )
)
NAN = float("nan")
QUESTIONS = [
    lambda cls: repr(cls(1)),
    lambda cls: repr(cls(x=2)),
    lambda cls: repr(cls(1, 2)),
    lambda cls: repr(cls(1, c=4)),
    lambda cls: repr(cls(1, b=3, c=4)),
    lambda cls: repr(cls()),
    lambda cls: repr(cls(1, 2, 3, 4, 5)),
    lambda cls: repr(cls(nobody=1)),
    lambda cls: setattr(cls(1), "x", 2),
    lambda cls: delattr(cls(1), "x"),
    lambda cls: hash(cls(1)),
    lambda cls: cls(1) == cls(1),
    lambda cls: cls(NAN) == cls(NAN),
    lambda cls: cls(1) == cls(2),
    lambda cls: cls(1) == 1,
    lambda cls: hash(cls([1])),
    lambda cls: cls.__match_args__,
    lambda cls: cls.__qualname__,
    lambda cls: getattr(cls, "__slots__", None),
    lambda cls: (cls.y, cls.kept),
    lambda cls: dataclasses.asdict(cls(1)),
    lambda cls: [(f.name, f.type, f.kw_only, f.compare, f.repr) for f in dataclasses.fields(cls)],
    lambda cls: repr(dataclasses.replace(cls(1), x=8)),
    lambda cls: repr(copy.copy(cls(1))),
    lambda cls: repr(copy.deepcopy(cls(1))),
    lambda cls: (one := cls(1)).others.append(one) or repr(one),
    lambda cls: msgspec.json.encode(cls(1)),
    lambda cls: repr(msgspec.json.decode(b'{"x": 4}', type=cls)),
    lambda cls: repr(msgspec.convert({"x": "no number"}, cls)),
]


@pytest.mark.parametrize("question", range(len(QUESTIONS)))
@pytest.mark.parametrize(("ours", "theirs"), PAIRS, ids=lambda cls: cls.__name__)
def test_they_answer_as_dataclasses_do(ours, theirs, question):
    def answer(cls):
        try:
            return QUESTIONS[question](cls)
        except Exception as problem:
            text = str(problem).replace("__init__()", "") if "__init__()" in str(problem) else ""
            return type(problem), text or None

    mine, wanted = answer(ours), answer(theirs)
    if isinstance(wanted, str):
        wanted = wanted.replace(theirs.__qualname__, ours.__qualname__)
    assert mine == wanted


def wrong_order(dataclass):
    @dataclass
    class Wrong:
        a: int = 1
        b: int


def shared_default(dataclass):
    @dataclass
    class Wrong:
        a: list[int] = []  # noqa: RUF012 - that is what is wrong


def thawed(dataclass):
    @dataclass(frozen=True)
    class Base:
        a: int

    @dataclass
    class Wrong(Base):
        b: int


@pytest.mark.parametrize("make", [wrong_order, shared_default, thawed])
def test_what_dataclasses_refuse_is_refused_when_the_class_is_made(make):
    with pytest.raises((TypeError, ValueError)) as theirs:
        make(dataclasses.dataclass)
    with pytest.raises(theirs.type):
        make(records.dataclass)


def test_what_records_do_not_have_is_refused():
    with pytest.raises(TypeError, match="InitVar"):
        records.dataclass(type("Wrong", (), {"__annotations__": {"x": "InitVar[int]"}}))
    with pytest.raises(TypeError, match="annotation"):
        records.dataclass(type("Wrong", (), {"x": records.field(default=1)}))


def test_they_spare_a_start_the_inspection_of_signatures():
    code = "import sys, orobuild.assembler.unit; print('inspect' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "False\n", done.stderr
