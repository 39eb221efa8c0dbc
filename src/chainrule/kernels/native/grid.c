/* Reading images and volumes at given places: ops/nn/grid_sample.py. Bicubic is left to the twin.
 */

#include <math.h>
#include "windows.h"

enum { ZEROS, BORDER, REFLECTION };

typedef struct {
    int n, nearest, padding, aligned;
    npy_intp images, channels, places, in[3];
} Sampling;

#define T float
#define NAME(x) x##_float
#define FLOOR floorf
#define RINT rintf
#include "grid_loops.h"
#undef T
#undef NAME
#undef FLOOR
#undef RINT
#define T double
#define NAME(x) x##_double
#define FLOOR floor
#define RINT rint
#include "grid_loops.h"
#undef T
#undef NAME
#undef FLOOR
#undef RINT

/* (x, grid, mode, padding, aligned): the type of both, or -1. */
static int read_sampling(PyObject *const *args, Sampling *s)
{
    PyObject *x = args[0], *grid = args[1];
    if (!PyArray_CheckExact(x) || !PyArray_CheckExact(grid)) return -1;
    const int type = PyArray_TYPE(ARRAY(x)), nd = PyArray_NDIM(ARRAY(x));
    if ((type != NPY_FLOAT32 && type != NPY_FLOAT64) || !is_dense(x, type) || !is_dense(grid, type))
        return -1;
    if ((nd != 4 && nd != 5) || PyArray_NDIM(ARRAY(grid)) != nd || !SIZE(x) || !SIZE(grid))
        return -1;
    if (!PyUnicode_Check(args[2]) || !PyUnicode_Check(args[3]) || !PyBool_Check(args[4])) return -1;
    s->n = nd - 2;
    s->aligned = args[4] == Py_True;
    s->nearest = PyUnicode_CompareWithASCIIString(args[2], "nearest") == 0;
    if (!s->nearest && PyUnicode_CompareWithASCIIString(args[2], "bilinear") != 0) return -1;
    s->padding = PyUnicode_CompareWithASCIIString(args[3], "zeros") == 0    ? ZEROS
                 : PyUnicode_CompareWithASCIIString(args[3], "border") == 0 ? BORDER
                                                                            : REFLECTION;
    s->images = PyArray_DIM(ARRAY(x), 0);
    s->channels = PyArray_DIM(ARRAY(x), 1);
    s->in[0] = 1;
    for (int i = 0; i < s->n; i++) s->in[3 - s->n + i] = PyArray_DIM(ARRAY(x), 2 + i);
    s->places = 1;
    for (int i = 1; i < nd - 1; i++) s->places *= PyArray_DIM(ARRAY(grid), i);
    if (PyArray_DIM(ARRAY(grid), 0) != s->images || PyArray_DIM(ARRAY(grid), nd - 1) != s->n)
        return -1;
    /* NaN, inf and what overflows once scaled: the twin gives NaN there, as PyTorch does */
    const npy_intp size = SIZE(grid);
    int ordinary = 1;
    if (type == NPY_FLOAT32)
        for (npy_intp i = 0; i < size; i++) ordinary &= fabsf(DATA(float, grid)[i]) < 1e30f;
    else
        for (npy_intp i = 0; i < size; i++) ordinary &= fabs(DATA(double, grid)[i]) < 1e30;
    if (!ordinary) return -1;
    return type;
}

static PyObject *sample_kernel(PyObject *const *args, Py_ssize_t nargs)
{
    Sampling s;
    const int type = nargs == 5 ? read_sampling(args, &s) : -1;
    if (type < 0) DECLINE;
    npy_intp shape[5] = {s.images, s.channels};
    for (int i = 0; i < s.n; i++) shape[2 + i] = PyArray_DIM(ARRAY(args[1]), 1 + i);
    PyObject *out = new_array(s.n + 2, shape, type);
    if (!out) return NULL;
    THREADS_BEGIN(SIZE(out));
    if (type == NPY_FLOAT32)
        sample_float(&s, DATA(float, args[0]), DATA(float, args[1]), DATA(float, out), NULL, NULL,
                     NULL);
    else
        sample_double(&s, DATA(double, args[0]), DATA(double, args[1]), DATA(double, out), NULL,
                      NULL, NULL);
    THREADS_END;
    return out;
}

/* back(g, x, grid, mode, padding, aligned) -> (cotangent of x, of the grid) */
static PyObject *back_kernel(PyObject *const *args, Py_ssize_t nargs)
{
    Sampling s;
    const int type = nargs == 6 ? read_sampling(args + 1, &s) : -1;
    if (type < 0 || !PyArray_CheckExact(args[0]) || !is_dense(args[0], type)
        || SIZE(args[0]) != s.images * s.channels * s.places)
        DECLINE;
    PyArrayObject *x = ARRAY(args[1]), *grid = ARRAY(args[2]);
    PyObject *to_x = PyArray_ZEROS(PyArray_NDIM(x), PyArray_DIMS(x), type, 0);
    PyObject *to_grid = PyArray_ZEROS(PyArray_NDIM(grid), PyArray_DIMS(grid), type, 0);
    PyObject *both = to_x && to_grid ? PyTuple_Pack(2, to_x, to_grid) : NULL;
    if (both) {
        THREADS_BEGIN(SIZE(args[0]));
        if (type == NPY_FLOAT32)
            sample_float(&s, PyArray_DATA(x), PyArray_DATA(grid), NULL, DATA(float, args[0]),
                         DATA(float, to_x), DATA(float, to_grid));
        else
            sample_double(&s, PyArray_DATA(x), PyArray_DATA(grid), NULL, DATA(double, args[0]),
                          DATA(double, to_x), DATA(double, to_grid));
        THREADS_END;
    }
    Py_XDECREF(to_x);
    Py_XDECREF(to_grid);
    return both;
}

const Row grid_rows[] = {
    {"ops.nn.grid_sample._back", back_kernel},
    {"ops.nn.grid_sample._kernel", sample_kernel},
    {NULL, NULL},
};
