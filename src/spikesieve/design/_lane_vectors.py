"""Vectors of eight numbers, and of two, in compiled loops.

A loop over eight outputs within one over the rows is unrolled by LLVM before it could become a vector instruction,
and Numba leaves its other vectoriser off: such loops took twice as long. Here every operation is one on eight numbers
by its type, whatever the processor: one AVX-512 instruction, or two of AVX2.

Vectors are at positions of an array that is contiguous: number ``8 * position`` of it is the first of its eight, and
``2 * position`` the first of a pair.
"""

from typing import Any

from llvmlite import ir
from numba.core import types
from numba.core.errors import TypingError
from numba.extending import intrinsic, models, register_model

from spikesieve.design._lanes import LANES

# Its type would have callers pass the typing context.
_operation: Any = intrinsic

_PAIR = 2


class _LanesType(types.Type):
    """So many numbers in compiled code."""

    def __init__(self, width: int):
        self.width = width
        super().__init__(name=f"lanes({width})")

    @property
    def vector(self) -> ir.VectorType:
        return ir.VectorType(ir.DoubleType(), self.width)


@register_model(_LanesType)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager, kind):
        super().__init__(manager, kind, kind.vector)


_LANES, _TWO = _LanesType(LANES), _LanesType(_PAIR)


def _check(array) -> None:
    if not isinstance(array, types.Array) or array.layout != "C" or array.dtype != types.float64:
        raise TypingError(f"Vectors need a contiguous array of float64, got {array}.")


def _pointer(context, builder, lanes: _LanesType, kind, array, position):
    data = context.make_array(kind)(context, builder, array).data
    return builder.gep(builder.bitcast(data, lanes.vector.as_pointer()), [position])


def _loading(lanes: _LanesType, array, position):
    _check(array)

    def generate(context, builder, signature, arguments):
        found = builder.load(_pointer(context, builder, lanes, signature.args[0], *arguments))
        found.align = 8
        return found

    return lanes(array, position), generate


@_operation
def load(typing, array, position):
    """Eight numbers of an array."""
    return _loading(_LANES, array, position)


@_operation
def load_pair(typing, array, position):
    """Two numbers of an array."""
    return _loading(_TWO, array, position)


@_operation
def store(typing, array, position, lanes):
    """Put a vector into an array."""
    _check(array)

    def generate(context, builder, signature, arguments):
        kind, _, vector = signature.args
        builder.store(arguments[2], _pointer(context, builder, vector, kind, *arguments[:2])).align = 8
        return context.get_dummy_value()

    return types.void(array, position, lanes), generate


def _by_element(instruction: str, one, other):
    def generate(context, builder, signature, arguments):
        return getattr(builder, instruction)(*arguments, flags=["contract"])

    return one(one, other), generate


@_operation
def plus(typing, one, other):
    """Sum of two vectors."""
    return _by_element("fadd", one, other)


@_operation
def minus(typing, one, other):
    """Difference of two vectors."""
    return _by_element("fsub", one, other)


@_operation
def times(typing, one, other):
    """Product of two vectors."""
    return _by_element("fmul", one, other)


@_operation
def spread(typing, number):
    """Vector of eight times the same number."""

    def generate(context, builder, signature, arguments):
        nothing, numbers = ir.Constant(_LANES.vector, ir.Undefined), ir.VectorType(ir.IntType(32), LANES)
        first = builder.insert_element(nothing, arguments[0], ir.Constant(ir.IntType(32), 0))
        return builder.shuffle_vector(first, nothing, ir.Constant(numbers, [0] * LANES))

    return _LANES(number), generate


@_operation
def pair(typing, first, second):
    """Vector of two numbers."""

    def generate(context, builder, signature, arguments):
        vector = ir.Constant(_TWO.vector, ir.Undefined)
        for place, number in enumerate(arguments):
            vector = builder.insert_element(vector, number, ir.Constant(ir.IntType(32), place))
        return vector

    return _TWO(first, second), generate
