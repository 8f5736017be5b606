"""Asking for memory before it is needed, in compiled code.

A table of a million songs is far larger than a processor's caches, and a load from memory takes as long as hundreds of
additions. A prefetch waits for nothing, so that many rows are on their way while others are worked at.
"""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np.arrayobj import make_array

_READ, _KEEP, _DATA = 0, 3, 1
"""The intrinsic's arguments: for reading, into the nearest cache, no instructions."""


@intrinsic
def prefetch(_, array, row):
    """Ask for the line of the cache in which a row, or an element, of an array begins. Changes nothing."""

    def generate(context, builder, signature, arguments):
        kind = signature.args[0]
        made = make_array(kind)(context, builder, arguments[0])
        at = context.cast(builder, arguments[1], signature.args[1], types.intp)
        beginning = [at, *[ir.Constant(at.type, 0)] * (kind.ndim - 1)]
        address = builder.bitcast(cgutils.get_item_pointer(context, builder, kind, made, beginning), cgutils.voidptr_t)
        number = ir.IntType(32)
        takes = ir.FunctionType(ir.VoidType(), [cgutils.voidptr_t, number, number, number])
        function = builder.module.declare_intrinsic("llvm.prefetch", (cgutils.voidptr_t,), takes)
        builder.call(function, [address, *(ir.Constant(number, each) for each in (_READ, _KEEP, _DATA))])
        return context.get_dummy_value()

    return types.void(array, row), generate
