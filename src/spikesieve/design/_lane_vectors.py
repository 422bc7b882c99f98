"""Vectors of eight numbers in compiled loops.

A loop over eight outputs within one over the rows is unrolled by LLVM before it could become a vector instruction,
and Numba leaves its other vectoriser off: such loops took twice as long. Here every operation is one on eight numbers
by its type, whatever the processor: one AVX-512 instruction, or two of AVX2.

Vectors are at positions of an array that is contiguous: number ``8 * position`` of it is the first of its eight.
"""

from typing import Any

from llvmlite import ir
from numba.core import types
from numba.core.errors import TypingError
from numba.extending import intrinsic, models, register_model

from spikesieve.design._lanes import LANES

# Its type would have callers pass the typing context.
_operation: Any = intrinsic

_VECTOR = ir.VectorType(ir.DoubleType(), LANES)
_NUMBERS = ir.VectorType(ir.IntType(32), LANES)


class _LanesType(types.Type):
    """Eight numbers in compiled code."""

    def __init__(self):
        super().__init__(name="lanes")


_LANES = _LanesType()


@register_model(_LanesType)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager, kind):
        super().__init__(manager, kind, _VECTOR)


def _check(array) -> None:
    if not isinstance(array, types.Array) or array.layout != "C" or array.dtype != types.float64:
        raise TypingError(f"Vectors of eight need a contiguous array of float64, got {array}.")


def _pointer(context, builder, kind, array, position):
    data = context.make_array(kind)(context, builder, array).data
    return builder.gep(builder.bitcast(data, _VECTOR.as_pointer()), [position])


@_operation
def load(typing, array, position):
    """Eight numbers of an array."""
    _check(array)

    def generate(context, builder, signature, arguments):
        found = builder.load(_pointer(context, builder, signature.args[0], *arguments))
        found.align = 8
        return found

    return _LANES(array, position), generate


@_operation
def store(typing, array, position, lanes):
    """Put eight numbers into an array."""
    _check(array)

    def generate(context, builder, signature, arguments):
        builder.store(arguments[2], _pointer(context, builder, signature.args[0], *arguments[:2])).align = 8
        return context.get_dummy_value()

    return types.void(array, position, lanes), generate


@_operation
def plus(typing, one, other):
    """Sum of two vectors."""

    def generate(context, builder, signature, arguments):
        return builder.fadd(*arguments, flags=["contract"])

    return _LANES(one, other), generate


@_operation
def minus(typing, one, other):
    """Difference of two vectors."""

    def generate(context, builder, signature, arguments):
        return builder.fsub(*arguments, flags=["contract"])

    return _LANES(one, other), generate


@_operation
def times(typing, one, other):
    """Product of two vectors."""

    def generate(context, builder, signature, arguments):
        return builder.fmul(*arguments, flags=["contract"])

    return _LANES(one, other), generate


@_operation
def spread(typing, number):
    """Vector of eight times the same number."""

    def generate(context, builder, signature, arguments):
        nothing = ir.Constant(_VECTOR, ir.Undefined)
        first = builder.insert_element(nothing, arguments[0], ir.Constant(ir.IntType(32), 0))
        return builder.shuffle_vector(first, nothing, ir.Constant(_NUMBERS, [0] * LANES))

    return _LANES(number), generate
