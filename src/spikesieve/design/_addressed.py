"""Arrays at addresses, in compiled loops: one call reads any number of arrays, however many a design has.

A list of arrays as an argument would be unpacked one by one, which takes as long as the calls that it saves.
"""

from typing import Any

from llvmlite import ir
from numba.core import types
from numba.core.errors import TypingError
from numba.extending import intrinsic
from numba.np.arrayobj import populate_array

# Its type would have callers pass the typing context.
_operation: Any = intrinsic

_LONG = ir.IntType(64)


@_operation
def array_at(typing, address, size, like):
    """Array of one dimension at an address, of the type of `like`; whoever calls keeps it in memory."""
    if not isinstance(like, types.Array) or like.layout != "C" or like.ndim != 1:
        raise TypingError(f"An address is that of a contiguous array of one dimension, got {like}.")

    def generate(context, builder, signature, arguments):
        address, size, _ = arguments
        array = context.make_array(like)(context, builder)
        n_bytes = ir.Constant(_LONG, context.get_abi_sizeof(context.get_data_type(like.dtype)))
        data = builder.inttoptr(address, array.data.type)
        populate_array(array, data=data, shape=[size], strides=[n_bytes], itemsize=n_bytes, meminfo=None)
        return array._getvalue()

    return like(types.uint64, types.int64, like), generate
