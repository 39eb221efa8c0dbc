/* Elements along one dimension by a table of places: kernels/resample.py, kernels/padding.py. */

#include "kernel.h"

#define T float
#define NAME(x) x##_float
#include "along_loops.h"
#undef T
#undef NAME
#define T double
#define NAME(x) x##_double
#include "along_loops.h"
#undef T
#undef NAME

/* The sizes before, of and after a dimension of a dense array of floats; its type, or -1. */
static int read_along(PyObject *x, PyObject *axis, npy_intp *outer, npy_intp *n, npy_intp *inner)
{
    npy_intp at;
    if (!PyArray_CheckExact(x) || !as_index(axis, &at)) return -1;
    const int type = PyArray_TYPE(ARRAY(x)), nd = PyArray_NDIM(ARRAY(x));
    if ((type != NPY_FLOAT32 && type != NPY_FLOAT64) || !is_dense(x, type)) return -1;
    if (at < 0 || at >= nd || nd > 8 || !SIZE(x)) return -1;
    *outer = *inner = 1;
    for (int i = 0; i < at; i++) *outer *= PyArray_DIM(ARRAY(x), i);
    for (int i = (int)at + 1; i < nd; i++) *inner *= PyArray_DIM(ARRAY(x), i);
    *n = PyArray_DIM(ARRAY(x), at);
    return type;
}

/* Whether all places are below n. */
static int fit(PyObject *places, npy_intp n)
{
    const npy_intp *at = DATA(npy_intp, places), count = SIZE(places);
    npy_uintp most = 0;
    for (npy_intp i = 0; i < count; i++) most = (npy_uintp)at[i] > most ? (npy_uintp)at[i] : most;
    return most < (npy_uintp)n;
}

/* A new array with the shape of x but n elements along a dimension. */
static PyObject *resized(PyObject *x, PyObject *axis, npy_intp n, int type, int zeros)
{
    npy_intp shape[8];
    const int nd = PyArray_NDIM(ARRAY(x));
    memcpy(shape, PyArray_DIMS(ARRAY(x)), nd * sizeof(npy_intp));
    shape[PyLong_AsSsize_t(axis)] = n;
    return zeros ? PyArray_ZEROS(nd, shape, type, 0) : PyArray_SimpleNew(nd, shape, type);
}

/* weighted(x, axis, places, weights): places and weights are (taps, n_out) */
static PyObject *weighted_kernel(PyObject *const *args, Py_ssize_t nargs)
{
    npy_intp outer, n_in, inner;
    const int type = nargs == 4 ? read_along(args[0], args[1], &outer, &n_in, &inner) : -1;
    if (type < 0 || !PyArray_CheckExact(args[2]) || !is_dense(args[2], NPY_INTP)) DECLINE;
    PyObject *places = args[2], *weights = args[3] == Py_None ? NULL : args[3];
    if (PyArray_NDIM(ARRAY(places)) != 2 || !fit(places, n_in)) DECLINE;
    const npy_intp taps = PyArray_DIM(ARRAY(places), 0), n_out = PyArray_DIM(ARRAY(places), 1);
    if (taps < 1 || (weights == NULL && taps != 1)) DECLINE;
    if (weights
        && (!PyArray_CheckExact(weights) || !is_dense(weights, type)
            || !SAME_SHAPE(weights, places)))
        DECLINE;
    PyObject *y = resized(args[0], args[1], n_out, type, 0);
    if (!y) return NULL;
    const void *w = weights ? PyArray_DATA(ARRAY(weights)) : NULL;
    THREADS_BEGIN(SIZE(y));
    if (type == NPY_FLOAT32)
        weighted_float(DATA(float, args[0]), DATA(float, y), DATA(npy_intp, places), w, taps, outer,
                       n_in, n_out, inner);
    else
        weighted_double(DATA(double, args[0]), DATA(double, y), DATA(npy_intp, places), w, taps,
                        outer, n_in, n_out, inner);
    THREADS_END;
    return y;
}

/* folded(g, axis, sources, n): each element of g added where it came from */
static PyObject *folded_kernel(PyObject *const *args, Py_ssize_t nargs)
{
    npy_intp outer, n_in, inner, n_out;
    const int type = nargs == 4 ? read_along(args[0], args[1], &outer, &n_in, &inner) : -1;
    if (type < 0 || !as_index(args[3], &n_out) || !PyArray_CheckExact(args[2])
        || !is_dense(args[2], NPY_INTP))
        DECLINE;
    if (SIZE(args[2]) != n_in || n_out < 1 || !fit(args[2], n_out)) DECLINE;
    PyObject *y = resized(args[0], args[1], n_out, type, 1);
    if (!y) return NULL;
    THREADS_BEGIN(SIZE(args[0]));
    if (type == NPY_FLOAT32)
        folded_float(DATA(float, args[0]), DATA(float, y), DATA(npy_intp, args[2]), outer, n_in,
                     n_out, inner);
    else
        folded_double(DATA(double, args[0]), DATA(double, y), DATA(npy_intp, args[2]), outer, n_in,
                      n_out, inner);
    THREADS_END;
    return y;
}

const Row along_rows[] = {
    {"padding.folded", folded_kernel},
    {"resample.weighted", weighted_kernel},
    {NULL, NULL},
};
