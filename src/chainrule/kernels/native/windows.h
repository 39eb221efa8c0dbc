/* What pooling and convolution share: windows along a dimension, and tuples of ints. */

#ifndef CHAINRULE_WINDOWS_H
#define CHAINRULE_WINDOWS_H

#include "kernel.h"

/* The outputs o for which o * stride + offset is in 0 .. n - 1: low to high - 1. */
INLINE void inside(npy_intp offset, npy_intp stride, npy_intp n, npy_intp outputs, npy_intp *low,
                   npy_intp *high)
{
    *low = offset < 0 ? (-offset + stride - 1) / stride : 0;
    *high = n - 1 - offset < 0 ? 0 : (n - 1 - offset) / stride + 1;
    if (*high > outputs) *high = outputs;
    if (*low > *high) *low = *high;
}

/* A tuple of n ints at the end of values[3], `before` in front. */
INLINE int read_ints(PyObject *tuple, int n, npy_intp before, npy_intp *values)
{
    if (!PyTuple_CheckExact(tuple) || PyTuple_GET_SIZE(tuple) != n) return 0;
    for (int i = 0; i < 3; i++) values[i] = before;
    for (int i = 0; i < n; i++)
        if (!as_index(PyTuple_GET_ITEM(tuple, i), &values[3 - n + i])) return 0;
    return 1;
}

#endif
