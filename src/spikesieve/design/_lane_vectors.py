"""Vectors of eight numbers in compiled loops: of eight outputs, or of eight rows.

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

_INT, _LONG = ir.IntType(32), ir.IntType(64)
_VECTOR, _INTS = ir.VectorType(ir.DoubleType(), LANES), ir.VectorType(_INT, LANES)
_PAIR = ir.VectorType(ir.DoubleType(), 2)


class _LanesType(types.Type):
    """Eight numbers in compiled code."""

    def __init__(self):
        super().__init__(name="lanes")


@register_model(_LanesType)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager, kind):
        super().__init__(manager, kind, _VECTOR)


_LANES = _LanesType()


def _check(array, *wanted) -> None:
    if not isinstance(array, types.Array) or array.layout != "C" or array.dtype not in wanted:
        raise TypingError(f"Vectors need a contiguous array of {' or '.join(map(str, wanted))}, got {array}.")


def _check_codes(codes, array) -> None:
    _check(array, types.float64)
    _check(codes, types.uint8, types.uint16, types.uint32)


def _pointer(context, builder, kind, array, vector, position):
    """Address of a vector at a position; `vector` is its type."""
    data = context.make_array(kind)(context, builder, array).data
    return builder.gep(builder.bitcast(data, vector.as_pointer()), [position])


def _load(builder, pointer, align: int):
    found = builder.load(pointer)
    found.align = align
    return found


@_operation
def load(typing, array, position):
    """Eight numbers of an array."""
    _check(array, types.float64)

    def generate(context, builder, signature, arguments):
        array, position = arguments
        return _load(builder, _pointer(context, builder, signature.args[0], array, _VECTOR, position), 8)

    return _LANES(array, position), generate


@_operation
def store(typing, array, position, lanes):
    """Put a vector into an array."""
    _check(array, types.float64)

    def generate(context, builder, signature, arguments):
        array, position, lanes = arguments
        builder.store(lanes, _pointer(context, builder, signature.args[0], array, _VECTOR, position)).align = 8
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


def _spread(builder, vector, number):
    nothing = ir.Constant(vector, ir.Undefined)
    first = builder.insert_element(nothing, number, ir.Constant(_INT, 0))
    return builder.shuffle_vector(first, nothing, ir.Constant(_INTS, [0] * LANES))


@_operation
def spread(typing, number):
    """Vector of eight times the same number."""

    def generate(context, builder, signature, arguments):
        return _spread(builder, _VECTOR, arguments[0])

    return _LANES(number), generate


@_operation
def prefetch(typing, array, position):
    """Have a vector of an array fetched into the nearest cache; beyond the array's end nothing happens."""

    def generate(context, builder, signature, arguments):
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        byte = ir.IntType(8).as_pointer()
        kind = ir.FunctionType(ir.VoidType(), [byte, _INT, _INT, _INT])
        address = builder.gep(data, [builder.mul(arguments[1], ir.Constant(_LONG, LANES))])
        read, near, data_cache = (ir.Constant(_INT, number) for number in (0, 3, 1))
        function = builder.module.declare_intrinsic("llvm.prefetch", [byte], kind)
        builder.call(function, [builder.bitcast(address, byte), read, near, data_cache])
        return context.get_dummy_value()

    return types.void(array, position), generate


@_operation
def fractions(typing, codes, position, mask):
    """What eight codes have below their levels: ``codes & mask``, less than 2^31, as numbers."""
    _check(codes, types.uint8, types.uint16, types.uint32)

    def generate(context, builder, signature, arguments):
        bits = signature.args[0].dtype.bitwidth
        vector = ir.VectorType(ir.IntType(bits), LANES)
        codes, position, mask = arguments
        found = _load(builder, _pointer(context, builder, signature.args[0], codes, vector, position), bits // 8)
        codes = found if bits == _INT.width else builder.zext(found, _INTS)
        mask = _spread(builder, _INTS, builder.trunc(mask, _INT))
        return builder.sitofp(builder.and_(codes, mask), _VECTOR)

    return _LANES(codes, position, mask), generate


def _pairs_of(context, builder, codes_type, codes, position, shift, array_type, array):
    """Addresses of the pairs of an array at the levels of eight codes.

    The codes are loaded one by one, and "atomic" so that LLVM leaves it so: taking them out of a vector made of all
    eight is two instructions each, and the loop over codes of 2 bytes 1.8 times as long.
    """
    bits = codes_type.dtype.bitwidth
    vector = ir.VectorType(ir.IntType(bits), LANES)
    first = builder.bitcast(
        _pointer(context, builder, codes_type, codes, vector, position), ir.IntType(bits).as_pointer()
    )
    data = builder.bitcast(context.make_array(array_type)(context, builder, array).data, _PAIR.as_pointer())
    pointers = []
    for lane in range(LANES):
        code = builder.load_atomic(builder.gep(first, [ir.Constant(_LONG, lane)]), "unordered", bits // 8)
        pointers.append(builder.gep(data, [builder.lshr(builder.zext(code, _LONG), shift)]))
    return pointers


@_operation
def interpolate(typing, lines, codes, position, shift, fractions):
    """``lines[level, 0] + fraction * lines[level, 1]`` at the levels of eight codes."""
    _check_codes(codes, lines)

    def generate(context, builder, signature, arguments):
        lines, codes, position, shift, fractions = arguments
        values = slopes = ir.Constant(_VECTOR, ir.Undefined)
        pairs = _pairs_of(context, builder, signature.args[1], codes, position, shift, signature.args[0], lines)
        for lane, pointer in enumerate(pairs):
            both, number = _load(builder, pointer, 8), ir.Constant(_INT, lane)
            values = builder.insert_element(values, builder.extract_element(both, ir.Constant(_INT, 0)), number)
            slopes = builder.insert_element(slopes, builder.extract_element(both, ir.Constant(_INT, 1)), number)
        return builder.fadd(values, builder.fmul(slopes, fractions, flags=["contract"]), flags=["contract"])

    return _LANES(lines, codes, position, shift, fractions), generate


@_operation
def add_pairs(typing, moments, codes, position, shift, firsts, seconds):
    """Add to ``moments[level, 0]`` and ``moments[level, 1]``, at the levels of eight codes, one after the other."""
    _check_codes(codes, moments)

    def generate(context, builder, signature, arguments):
        moments, codes, position, shift, firsts, seconds = arguments
        pairs = _pairs_of(context, builder, signature.args[1], codes, position, shift, signature.args[0], moments)
        for lane, pointer in enumerate(pairs):
            places = ir.Constant(ir.VectorType(_INT, 2), [lane, LANES + lane])
            added = builder.shuffle_vector(firsts, seconds, places)
            builder.store(builder.fadd(_load(builder, pointer, 8), added), pointer).align = 8
        return context.get_dummy_value()

    return types.void(moments, codes, position, shift, firsts, seconds), generate
