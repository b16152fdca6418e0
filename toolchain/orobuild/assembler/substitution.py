"""Parameters in the statements of a macro's body: taken apart once, filled in for each expansion.

Follows gas/macro.c (binutils 2.40), `macro_expand_body` and `get_apost_token`: ``\\name`` and
``&name`` are replaced, ``\\()`` is nothing, ``\\@`` is the number of the expansion; under
``.altmacro`` a bare name is replaced too. What a statement means is not looked at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from orobuild.patterns import pattern

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

NUMBER: Final = "@"
"""What `fill` is to find the number of the expansion under; no parameter is called so."""
# as `expression.NAME`, without \x01 and \x02
TOKEN: Final = pattern(r"[^\x00-#%-\-/-@\[-\^`{-\x7f][^\x00-#%-\-/:-@\[-\^`{-\x7f]*")
_MARK: Final = pattern(r"[&\\]")


def fill(pieces: list[str], values: Mapping[str, str]) -> str:
    """The statement whose `pieces` were `cut`, with `values` in the places of names."""
    if len(pieces) == 1:
        return pieces[0]
    filled = pieces.copy()
    filled[1::2] = [values[name] for name in pieces[1::2]]
    return "".join(filled)


def cut(text: str, names: Container[str], *, alternate: bool) -> list[str]:
    """`text` cut at the parameters called `names`: text, name, text, name, …, text."""
    pieces = [""]
    position, length = 0, len(text)
    while position < length:
        char = text[position]
        if char == "&":
            position = _name(text, position + 1, names, "&", pieces, "&")
        elif char == "\\":
            position += 1
            following = text[position] if position < length else ""
            if following == "(":
                end = text.find(")", position)
                end = length if end < 0 else end
                pieces[-1] += text[position + 1 : end]
                position = end + 1
            elif following == "@":
                pieces += (NUMBER, "")
                position += 1
            elif following == "&":
                pieces[-1] += "\\&"
                position += 1
            else:
                position = _name(text, position, names, "'", pieces, "\\")
        elif alternate and (match := TOKEN.match(text, position)):
            if match[0] in names:
                pieces += (match[0], "")
            else:
                pieces[-1] += match[0]
            position = match.end()
        elif alternate:
            pieces[-1] += char
            position += 1
        else:
            found = _MARK.search(text, position)
            end = found.start() if found else length
            pieces[-1] += text[position:end]
            position = end
    return pieces


def _name(
    text: str, start: int, names: Container[str], closer: str, pieces: list[str], prefix: str
) -> int:
    """Cut at the name at `start`, if it is one of `names`; the position behind it.

    A `closer` right behind a parameter's name belongs to it.
    """
    match = TOKEN.match(text, start)
    if match is None:
        pieces[-1] += prefix
        return start
    name, end = match[0], match.end()
    closed = text.startswith(closer, end)
    if name in names:
        pieces += (name, "")
        return end + closed
    pieces[-1] += prefix + name
    if closed and closer == "&":
        pieces[-1] += "&"
        return end + 1
    return end + closed
