"""Records: classes of named fields, as `dataclasses` makes them, at a tenth of its price.

Every start of a command pays for its imports. Decorating a class with `dataclasses.dataclass` takes
about a millisecond, since methods are compiled one by one and the whole of `inspect` is loaded; the
assembler has seventy such classes. Here only `__init__` is compiled, and `inspect` stays out. The
spelling, and what type checkers make of it, is that of `dataclasses`.

Left out: ordering, `InitVar`, `ClassVar`, and the refusal at run time to assign to a field of a
frozen record; mypy refuses that before.
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeVar, dataclass_transform, overload

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class _Dataclass:
    """What `dataclasses` looks for in a class, when it replaces fields, lists them or inherits
    them; `attribute` is its name. Made when it is asked for."""

    __slots__ = ("attribute",)

    def __init__(self, attribute: str) -> None:
        self.attribute = attribute

    def __get__(self, record: object, cls: type[Any]) -> Any:
        import dataclasses

        specified = []
        for name, each in cls.__record_fields__.items():
            options: dict[str, Any] = {"repr": each.repr, "compare": each.compare}
            if each.default_factory is not None:
                options["default_factory"] = each.default_factory
            elif each.default is not _MISSING:
                options["default"] = each.default
            specified.append((name, object, dataclasses.field(**options)))
        made = dataclasses.make_dataclass(
            cls.__name__, specified, frozen=cls.__record_frozen__, kw_only=cls.__record_kw_only__
        )
        return getattr(made, self.attribute)


class Field:
    """A field's default, or what makes it, and whether it is shown and compared."""

    __slots__ = ("compare", "default", "default_factory", "repr")

    def __init__(
        self,
        default: Any,
        default_factory: Callable[[], Any] | None,
        shown: bool,
        compare: bool,
    ) -> None:
        self.default = default
        self.default_factory = default_factory
        self.repr = shown
        self.compare = compare


class _Missing:
    """The type of `_MISSING`, which stands where nothing was given."""


_MISSING = _Missing()


@overload
def field(*, default: T, repr: bool = True, compare: bool = True) -> T: ...
@overload
def field(*, default_factory: Callable[[], T], repr: bool = True, compare: bool = True) -> T: ...
def field(
    *,
    default: Any = _MISSING,
    default_factory: Callable[[], Any] | None = None,
    repr: bool = True,  # noqa: A002 - the name that dataclasses has
    compare: bool = True,
) -> Any:
    """A field with a default or a factory of defaults; `dataclasses.field`."""
    return Field(default, default_factory, repr, compare)


@overload
def dataclass(cls: type[T], /) -> type[T]: ...
@overload
def dataclass(
    *, frozen: bool = False, slots: bool = False, kw_only: bool = False, eq: bool = True
) -> Callable[[type[T]], type[T]]: ...
@dataclass_transform(field_specifiers=(field,))
def dataclass(
    cls: type[Any] | None = None,
    /,
    *,
    frozen: bool = False,
    slots: bool = False,
    kw_only: bool = False,
    eq: bool = True,
) -> Any:
    """Make a class a record of its annotated fields; `dataclasses.dataclass`."""

    def make(cls: type[Any]) -> type[Any]:
        return _made(cls, frozen=frozen, slots=slots, kw_only=kw_only, eq=eq)

    return make if cls is None else make(cls)


def _made(cls: type[Any], *, frozen: bool, slots: bool, kw_only: bool, eq: bool) -> type[Any]:
    fields: dict[str, Field] = {}
    for base in reversed(cls.__mro__[1:]):
        fields.update(base.__dict__.get("__record_fields__", ()))
    own = cls.__dict__.get("__annotations__", {})  # noqa: RUF063 - inspect is what is avoided
    members = dict(cls.__dict__)
    for name in own:
        given = members.pop(name, _MISSING)
        if not isinstance(given, Field):
            given = Field(given, None, shown=True, compare=True)
        elif not slots:
            delattr(cls, name)
        fields[name] = given
    if slots:
        members.pop("__dict__", None)
        members.pop("__weakref__", None)
        members["__slots__"] = tuple(own)
        cls = type(cls)(cls.__name__, cls.__bases__, members)  # type: ignore[misc]
    made: Any = cls
    made.__record_fields__ = fields
    made.__record_frozen__ = frozen
    made.__record_kw_only__ = kw_only
    made.__dataclass_fields__ = _Dataclass("__dataclass_fields__")
    made.__dataclass_params__ = _Dataclass("__dataclass_params__")
    setattr(made, "__match_args__", () if kw_only else tuple(fields))  # noqa: B010
    made.__init__ = _initializer(fields, kw_only=kw_only, after=hasattr(cls, "__post_init__"))
    made.__init__.__qualname__ = f"{cls.__qualname__}.__init__"
    if "__repr__" not in members:
        made.__repr__ = _representation([name for name, each in fields.items() if each.repr])
    if eq and "__eq__" not in members:
        _compare(made, [name for name, each in fields.items() if each.compare], frozen=frozen)
    return cls


def _initializer(fields: dict[str, Field], *, kw_only: bool, after: bool) -> Any:
    """The `__init__` that sets `fields`."""
    values: dict[str, Any] = {"_MISSING": _MISSING}
    parameters = ["self"]
    if kw_only and fields:
        parameters.append("*")
    lines = []
    for name, each in fields.items():
        value = name
        if each.default_factory is not None:
            values[f"_make_{name}"] = each.default_factory
            parameters.append(f"{name}=_MISSING")
            value = f"_make_{name}() if {name} is _MISSING else {name}"
        elif each.default is not _MISSING:
            values[f"_default_{name}"] = each.default
            parameters.append(f"{name}=_default_{name}")
        else:
            parameters.append(name)
        lines.append(f" self.{name} = {value}")
    if after:
        lines.append(" self.__post_init__()")
    source = f"def __init__({', '.join(parameters)}):\n" + ("\n".join(lines) or " pass")
    exec(source, values)  # noqa: S102 - as dataclasses does; the names are a class's own
    return values["__init__"]


def _representation(names: list[str]) -> Callable[[Any], str]:
    """A `__repr__` that shows the fields called `names`."""

    def shown(self: Any) -> str:
        pieces = ", ".join(f"{name}={getattr(self, name)!r}" for name in names)
        return f"{type(self).__qualname__}({pieces})"

    return shown


def _compare(cls: Any, names: list[str], *, frozen: bool) -> None:
    """Give `cls` equality by the fields called `names`, and a hash if it is frozen."""
    key: Callable[[Any], Any] = attrgetter(*names) if names else lambda _: ()

    def equal(self: Any, other: object) -> Any:
        if other.__class__ is not self.__class__:
            return NotImplemented
        return self is other or key(self) == key(other)

    def hashed(self: Any) -> int:
        return hash(key(self))

    cls.__eq__ = equal
    cls.__hash__ = hashed if frozen else None


def replace(record: T, /, **changes: Any) -> T:
    """A new record with some fields changed; `dataclasses.replace`."""
    fields = type(record).__dict__.get("__record_fields__")
    if fields is None:
        from dataclasses import replace as other

        return other(record, **changes)  # type: ignore[type-var] # a dataclass
    values = {name: getattr(record, name) for name in fields}
    values.update(changes)
    return type(record)(**values)
