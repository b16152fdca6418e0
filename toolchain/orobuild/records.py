"""Records: classes of named fields, as `dataclasses` makes them, at a tenth of its price.

Every start of a command pays for its imports. Decorating a class with `dataclasses.dataclass` takes
about a millisecond, since methods are compiled one by one and the whole of `inspect` is loaded; the
assembler has sixty such classes, which with dataclasses is a third of a short run. Here only
`__init__` is compiled, when it is first called, and `inspect` stays out. The spelling, what type
checkers make of it, and what the classes do are those of `dataclasses`; `fields`, `asdict` and
`replace` of that module take records, and so does what looks for dataclasses, such as msgspec.

Left out, and refused: ordering, `InitVar`, fields without annotations.
"""

from __future__ import annotations

from operator import attrgetter
from reprlib import recursive_repr
from types import MemberDescriptorType
from typing import TYPE_CHECKING, Any, TypeVar, dataclass_transform, overload

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class _Dataclass:
    """What `dataclasses` looks for in a class, when it replaces fields, lists them or inherits
    them; `attribute` is its name. Made when it is first asked for, once for the class `owner`."""

    __slots__ = ("attribute", "owner")

    def __init__(self, attribute: str, owner: type[Any]) -> None:
        self.attribute = attribute
        self.owner = owner

    def __get__(self, record: object, cls: type[Any]) -> Any:
        import dataclasses

        owner: Any = self.owner
        specified = []
        for name, each in owner.__record_fields__.items():
            options: dict[str, Any] = {
                "repr": each.repr, "compare": each.compare, "kw_only": each.kw_only,
            }  # fmt: skip
            if each.default_factory is not None:
                options["default_factory"] = each.default_factory
            elif each.default is not _MISSING:
                options["default"] = each.default
            specified.append((name, each.type, dataclasses.field(**options)))
        made = dataclasses.make_dataclass(
            owner.__name__,
            specified,
            frozen=owner.__record_frozen__,
            eq=owner.__record_eq__,
            repr=False,
            init=False,
        )
        for attribute in ("__dataclass_fields__", "__dataclass_params__"):
            setattr(owner, attribute, getattr(made, attribute))
        return getattr(made, self.attribute)


class Field:
    """A field: its default, or what makes it, and whether it is shown and compared.

    `type` is the annotation, and `kw_only` whether `__init__` takes it by name only; the class that
    has the field says both.
    """

    __slots__ = ("compare", "default", "default_factory", "kw_only", "repr", "type")

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
        self.kw_only = False
        self.type: Any = object

    @property
    def required(self) -> bool:
        """Whether `__init__` must be given a value."""
        return self.default is _MISSING and self.default_factory is None


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
    inherited: set[str] = set()
    for base in reversed(cls.__mro__[1:]):
        if base.__dict__.get("__record_frozen__", frozen) is not frozen:
            raise TypeError(f"{cls.__name__} and {base.__name__}: a frozen record and another kind")
        fields.update(base.__dict__.get("__record_fields__", ()))
        inherited.update(base.__dict__.get("__slots__", ()))
    members = dict(cls.__dict__)
    own = _own_fields(cls, members, kw_only=kw_only)
    for name, each in own.items():
        fields[name] = each
        if isinstance(cls.__dict__.get(name), Field):
            delattr(cls, name)
    _check_order(cls, fields)
    compared = [name for name, each in fields.items() if each.compare]
    added: dict[str, Any] = {
        "__record_fields__": fields,
        "__record_frozen__": frozen,
        "__record_eq__": eq,
        "__match_args__": tuple(name for name, each in fields.items() if not each.kw_only),
        **_methods(members, compared, frozen=frozen, eq=eq, slots=slots),
    }
    if slots:
        # Methods are put into the namespace: to set them afterwards costs much more.
        members.pop("__dict__", None)
        members.pop("__weakref__", None)
        members["__slots__"] = tuple(name for name in own if name not in inherited)
        members["__qualname__"] = cls.__qualname__
        cls = type(cls)(cls.__name__, cls.__bases__, members | added)  # type: ignore[misc]
    else:
        # Defaults stay in the class, as dataclasses leave them.
        for name, each in own.items():
            if each.default is not _MISSING:
                setattr(cls, name, each.default)
        for name, value in added.items():
            setattr(cls, name, value)
    made: Any = cls
    made.__dataclass_fields__ = _Dataclass("__dataclass_fields__", cls)
    made.__dataclass_params__ = _Dataclass("__dataclass_params__", cls)
    made.__init__ = _deferred(made, fields)
    return cls


def _methods(
    members: dict[str, Any], compared: list[str], *, frozen: bool, eq: bool, slots: bool
) -> dict[str, Any]:
    """What a record has besides `__init__`, where its class defines nothing else."""
    added: dict[str, Any] = {}
    if "__repr__" not in members:
        added["__repr__"] = _represent
    if eq:
        if "__eq__" not in members:
            added["__eq__"] = _equal
        # A class that defines equality and no hash has None there, which nobody has written.
        if members.get("__hash__") is None:
            added["__hash__"] = _hashed if frozen else None
        added["__record_key__"] = _key(compared)
    if frozen:
        added["__setattr__"], added["__delattr__"] = _set_attribute, _delete_attribute
        if slots and "__getstate__" not in members:
            added["__getstate__"], added["__setstate__"] = _get_state, _set_state
    return added


def _own_fields(cls: type[Any], members: dict[str, Any], *, kw_only: bool) -> dict[str, Field]:
    """The fields that `cls` annotates; their defaults leave its `members`."""
    own = {}
    annotations = members.get("__annotations__", {})
    for name, annotation in annotations.items():
        word = str(annotation).removeprefix("typing.").removeprefix("dataclasses.")
        if word.startswith("ClassVar"):
            continue
        if word.startswith(("InitVar", "KW_ONLY")):
            raise TypeError(f"{cls.__name__}.{name}: a record has no {word.partition('[')[0]}")
        given = members.pop(name, _MISSING)
        if not isinstance(given, Field):
            given = Field(given, None, shown=True, compare=True)
        if given.default is not _MISSING and type(given.default).__hash__ is None:
            kind = type(given.default).__name__
            raise ValueError(f"{cls.__name__}.{name}: all would share one {kind} as their default")
        given.kw_only, given.type = kw_only, annotation
        own[name] = given
    for name, given in members.items():
        if isinstance(given, Field):
            raise TypeError(f"{cls.__name__}.{name} is a field without an annotation")
    return own


def _check_order(cls: type[Any], fields: dict[str, Field]) -> None:
    """A positional field without a default cannot follow one with a default."""
    optional = ""
    for name, each in fields.items():
        if each.kw_only:
            continue
        if not each.required:
            optional = name
        elif optional:
            raise TypeError(
                f"{cls.__name__}.{name} needs a value, but {optional} before it does not"
            )


def _deferred(made: Any, fields: dict[str, Field]) -> Any:
    """An `__init__` that is compiled when it is first called: most classes are never used."""

    def __init__(self: Any, *arguments: Any, **named: Any) -> None:  # noqa: N807 - it stands for one
        compiled = _initializer(made, fields)
        compiled.__qualname__ = f"{made.__qualname__}.__init__"
        made.__init__ = compiled
        compiled(self, *arguments, **named)

    return __init__


def _initializer(made: Any, fields: dict[str, Field]) -> Any:
    """The `__init__` that sets `fields`."""
    values: dict[str, Any] = {"_MISSING": _MISSING, "_set": object.__setattr__}
    parameters = ["self"]
    by_name = False
    lines = []
    for name, each in sorted(fields.items(), key=lambda item: item[1].kw_only):
        if each.kw_only and not by_name:
            parameters.append("*")
            by_name = True
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
        if not made.__record_frozen__:
            lines.append(f" self.{name} = {value}")
        elif isinstance(slot := getattr(made, name, None), MemberDescriptorType):
            values[f"_set_{name}"] = slot.__set__
            lines.append(f" _set_{name}(self, {value})")
        else:
            lines.append(f" _set(self, {name!r}, {value})")
    if hasattr(made, "__post_init__"):
        lines.append(" self.__post_init__()")
    source = f"def __init__({', '.join(parameters)}):\n" + ("\n".join(lines) or " pass")
    exec(source, values)  # noqa: S102 - as dataclasses does; the names are a class's own
    return values["__init__"]


@recursive_repr()
def _represent(self: Any) -> str:
    pieces = [
        f"{n}={getattr(self, n)!r}" for n, each in self.__record_fields__.items() if each.repr
    ]
    return f"{type(self).__qualname__}({', '.join(pieces)})"


def _key(names: list[str]) -> Callable[[Any], Any]:
    """What makes a tuple of the fields called `names`."""
    if len(names) > 1:
        return attrgetter(*names)
    return staticmethod(lambda record: tuple([getattr(record, name) for name in names]))


def _equal(self: Any, other: Any) -> Any:
    if other.__class__ is not self.__class__:
        return NotImplemented
    key = self.__record_key__
    return self is other or key(self) == key(other)


def _hashed(self: Any) -> int:
    return hash(self.__record_key__(self))


def _set_attribute(self: Any, name: str, value: Any) -> None:
    _refuse(self, name, "assign to")
    object.__setattr__(self, name, value)


def _delete_attribute(self: Any, name: str) -> None:
    _refuse(self, name, "delete")
    object.__delattr__(self, name)


def _refuse(record: Any, name: str, action: str) -> None:
    """Raise the error for a change of a frozen record; a class below it may have more to set."""
    if "__record_fields__" in type(record).__dict__ or name in record.__record_fields__:
        from dataclasses import FrozenInstanceError

        raise FrozenInstanceError(f"cannot {action} field {name!r}")


def _get_state(self: Any) -> list[Any]:
    """What a frozen record with slots is copied and pickled by."""
    return [getattr(self, name) for name in self.__record_fields__]


def _set_state(self: Any, values: list[Any]) -> None:
    for name, value in zip(self.__record_fields__, values, strict=True):
        object.__setattr__(self, name, value)


def replace(record: T, /, **changes: Any) -> T:
    """A new record with some fields changed; `dataclasses.replace`."""
    fields = type(record).__dict__.get("__record_fields__")
    if fields is None:
        from dataclasses import replace as other

        return other(record, **changes)  # type: ignore[type-var] # a dataclass
    values = {name: getattr(record, name) for name in fields}
    values.update(changes)
    return type(record)(**values)
