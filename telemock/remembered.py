"""This is what is remembered of work done before: bounded, so that no client can fill the memory.

It refuses to keep what belongs to long arguments; those are no product's, and their results made anew each time.
"""

from collections.abc import Callable
from typing import Any, TypeVar

_Argument = TypeVar("_Argument", bound=str | bytes | tuple[Any, ...])
_Result = TypeVar("_Result")


class Remembered(dict[_Argument, _Result]):
    """Results of a function, by its argument: `remembered[argument]` calls it when the result is not known.

    Args:
        make: the function; what it raises is raised, and not remembered.
        most: how many results are kept before all are forgotten.
        longest: most characters (or bytes) of an argument whose result is kept, in all parts of a tuple; of a
            whole number the bytes count, and None counts nothing.
    """

    def __init__(self, make: Callable[[_Argument], _Result], *, most: int, longest: int) -> None:
        super().__init__()
        self._make = make
        self._most = most
        self._longest = longest

    def __missing__(self, argument: _Argument) -> _Result:
        """Make the result, and keep it."""
        result = self._make(argument)
        if _length(argument) <= self._longest:
            if len(self) >= self._most:
                self.clear()
            self[argument] = result
        return result


def _length(argument: Any) -> int:
    """Count characters and parts, however deep; of a number its bytes."""
    if isinstance(argument, tuple):
        return len(argument) + sum(map(_length, argument))
    if argument is None:
        return 0
    return argument.bit_length() // 8 if isinstance(argument, int) else len(argument)
