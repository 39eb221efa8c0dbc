/* Dense float32 arrays reduced over neighbouring axes, which sums.c and rows.c have in common.

   Such an array is (outer, n, inner) numbers, reduced over n: rows where inner is 1, else columns.
   Sums are kept in double precision: as exact as float32 can tell, whatever the length. */

#ifndef CHAINRULE_SPANS_H
#define CHAINRULE_SPANS_H

#include <math.h>
#include "vector_math.h"

typedef struct {
    npy_intp outer, n, inner;
    int first, count; /* the axes that are reduced */
} Span;

#define LANES 16 /* numbers taken side by side in a row */
#define WIDTH 64 /* columns taken side by side */

/* The span of a dense array that is not empty along `dim`: None, a number or a tuple of numbers
   that follow each other. */
INLINE int span_of(PyObject *x, PyObject *dim, Span *s)
{
    const int nd = PyArray_NDIM(ARRAY(x));
    npy_intp first = 0, next;
    s->count = nd;
    if (PyTuple_CheckExact(dim)) {
        s->count = (int)PyTuple_GET_SIZE(dim);
        if (s->count == 0 || !as_index(PyTuple_GET_ITEM(dim, 0), &first)) return 0;
        for (int i = 1; i < s->count; i++)
            if (!as_index(PyTuple_GET_ITEM(dim, i), &next) || next != first + i) return 0;
    } else if (dim != Py_None) {
        s->count = 1;
        if (!as_index(dim, &first)) return 0;
    }
    if (first < 0 || first + s->count > nd) return 0;
    s->first = (int)first;
    s->outer = s->n = s->inner = 1;
    const npy_intp *shape = PyArray_DIMS(ARRAY(x));
    for (int i = 0; i < nd; i++) {
        if (i < first) s->outer *= shape[i];
        else if (i < first + s->count) s->n *= shape[i];
        else s->inner *= shape[i];
    }
    return s->outer && s->n && s->inner;
}

/* A new array for what is left of x. */
INLINE PyObject *new_reduced(PyObject *x, const Span *s, int keepdim)
{
    const npy_intp *shape = PyArray_DIMS(ARRAY(x));
    npy_intp left[NPY_MAXDIMS];
    int nd = 0;
    for (int i = 0; i < PyArray_NDIM(ARRAY(x)); i++) {
        if (i < s->first || i >= s->first + s->count) left[nd++] = shape[i];
        else if (keepdim) left[nd++] = 1;
    }
    return new_array(nd, left, NPY_FLOAT32);
}

/* True or False as a number; 0 for everything else. */
INLINE int as_flag(PyObject *o, int *value)
{
    *value = o == Py_True;
    return o == Py_True || o == Py_False;
}

/* float32 in the order of C, perhaps a copy: a new reference; NULL for other types. */
INLINE PyObject *as_dense(PyObject *o)
{
    if (!is_array(o, NPY_FLOAT32)) return NULL;
    if (PyArray_IS_C_CONTIGUOUS(ARRAY(o))) return Py_NewRef(o);
    PyObject *copy = PyArray_NewCopy(ARRAY(o), NPY_CORDER);
    if (!copy) PyErr_Clear(); /* the twin says what is wrong */
    return copy;
}

/* SUM_OF(name, arguments, term): the sum of the term over i < n, in double precision. */
#define SUM_OF(name, arguments, term)                                                              \
    INLINE double name arguments                                                                   \
    {                                                                                              \
        double total = 0.0;                                                                        \
        npy_intp start = 0;                                                                        \
        if (n >= LANES) {                                                                          \
            double lane[LANES] = {0.0};                                                            \
            for (; start + LANES <= n; start += LANES)                                             \
                for (int l = 0; l < LANES; l++) {                                                  \
                    const npy_intp i = start + l;                                                  \
                    lane[l] += (term);                                                             \
                }                                                                                  \
            for (int w = LANES / 2; w; w /= 2)                                                     \
                for (int l = 0; l < w; l++) lane[l] += lane[l + w];                                \
            total = lane[0];                                                                       \
        }                                                                                          \
        for (npy_intp i = start; i < n; i++) total += (term);                                      \
        return total;                                                                              \
    }

/* The largest of a row that is not NaN; -inf without any. */
INLINE float largest_row(const float *x, npy_intp n)
{
    float top = -INFINITY;
    npy_intp start = 0;
    if (n >= WIDTH) {
        float lane[WIDTH];
        for (int l = 0; l < WIDTH; l++) lane[l] = -INFINITY;
        for (; start < n; start += WIDTH) {
            if (start + WIDTH > n) start = n - WIDTH; /* some are seen twice */
            for (int l = 0; l < WIDTH; l++) {
                const float v = x[start + l];
                lane[l] = v > lane[l] ? v : lane[l];
            }
        }
        for (int w = WIDTH / 2; w; w /= 2)
            for (int l = 0; l < w; l++) lane[l] = lane[l + w] > lane[l] ? lane[l + w] : lane[l];
        top = lane[0];
    }
    for (npy_intp i = start; i < n; i++) top = x[i] > top ? x[i] : top;
    return top;
}

INLINE double square(double x)
{ return x * x; }

SUM_OF(sum_products_row, (const float *a, const float *b, npy_intp n), (double)a[i] * b[i])
SUM_OF(sum_row, (const float *x, npy_intp n), (double)x[i])
SUM_OF(sum_squares_row, (const float *x, npy_intp n, double middle), square((double)x[i] - middle))

#endif
