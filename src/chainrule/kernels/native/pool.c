/* Pooling of one to three dimensions: kernels/pool.py. */

#include <math.h>
#include <stdint.h>
#include "windows.h"

/* What is pooled: `planes` blocks of in[0] x in[1] x in[2] numbers (leading ones for fewer
   dimensions), windows and results likewise. */
typedef struct {
    npy_intp planes, in[3], out[3], kernel[3], stride[3], pad[3], dilation[3];
    int include;      /* padding counts as elements of a mean */
    npy_intp divisor; /* instead of the count; 0: none */
} Windows;

typedef struct {
    npy_intp start, end;
} Span;

/* How many elements a window has along one dimension. */
INLINE npy_intp count(const Windows *w, int d, npy_intp o)
{
    npy_intp start = o * w->stride[d] - w->pad[d], end = start + w->kernel[d];
    if (end > w->in[d] + w->pad[d]) end = w->in[d] + w->pad[d];
    if (!w->include) {
        if (start < 0) start = 0;
        if (end > w->in[d]) end = w->in[d];
    }
    return end - start;
}

INLINE Span span(const Windows *w, int d, npy_intp o)
{
    Span s = {o * w->in[d] / w->out[d], ((o + 1) * w->in[d] + w->out[d] - 1) / w->out[d]};
    return s;
}

#define WINS(value, best) ((value) > (best) || (value) != (value))
#define DIVISOR(w, outer, o) (T)((w)->divisor ? (w)->divisor : (outer) * count(w, 2, o))

#define T float
#define P int32_t
#define NAME(x) x##_float
#include "pool_loops.h"
#undef T
#undef P
#undef NAME
#define T double
#define P int64_t
#define NAME(x) x##_double
#include "pool_loops.h"
#undef T
#undef P
#undef NAME

/* ---- arguments */

/* The pooled dimensions of a dense float array; its type, or -1. */
static int read_input(PyObject *x, int n, npy_intp *planes, npy_intp *inner)
{
    if (!PyArray_CheckExact(x)) return -1;
    const int type = PyArray_TYPE(ARRAY(x)), nd = PyArray_NDIM(ARRAY(x));
    if ((type != NPY_FLOAT32 && type != NPY_FLOAT64) || !is_dense(x, type)) return -1;
    if (nd < n || nd > 8 || SIZE(x) == 0) return -1;
    *planes = 1;
    for (int i = 0; i < 3; i++) inner[i] = 1;
    for (int i = 0; i < nd; i++)
        if (i < nd - n) *planes *= PyArray_DIM(ARRAY(x), i);
        else inner[3 - nd + i] = PyArray_DIM(ARRAY(x), i);
    return type;
}

/* A new array with the leading dimensions of x and these pooled ones. */
static PyObject *made_like(PyObject *x, int n, const npy_intp *pooled, int type, int zeros)
{
    npy_intp shape[8];
    const int nd = PyArray_NDIM(ARRAY(x));
    for (int i = 0; i < nd; i++)
        shape[i] = i < nd - n ? PyArray_DIM(ARRAY(x), i) : pooled[3 - nd + i];
    return zeros ? PyArray_ZEROS(nd, shape, type, 0) : PyArray_SimpleNew(nd, shape, type);
}

/* (size, kernel, stride, padding[, dilation]) of windows over x; the type of x, or -1. */
static int read_windows(PyObject *x, PyObject *const *args, int dilated, Windows *w)
{
    if (!PyTuple_CheckExact(args[0])) return -1;
    const int n = (int)PyTuple_GET_SIZE(args[0]);
    if (n < 1 || n > 3) return -1;
    if (!read_ints(args[0], n, 1, w->out) || !read_ints(args[1], n, 1, w->kernel)
        || !read_ints(args[2], n, 1, w->stride) || !read_ints(args[3], n, 0, w->pad))
        return -1;
    for (int i = 0; i < 3; i++) w->dilation[i] = 1;
    if (dilated && !read_ints(args[4], n, 1, w->dilation)) return -1;
    for (int i = 0; i < 3; i++)
        if (w->out[i] < 1 || w->kernel[i] < 1 || w->stride[i] < 1 || w->dilation[i] < 1) return -1;
    const int type = read_input(x, n, &w->planes, w->in);
    if (type < 0) return -1;
    return w->in[0] * w->in[1] * w->in[2] > INT32_MAX ? -1 : type; /* places are 32 bits wide */
}

#define POOLED(args) (int)PyTuple_GET_SIZE(args)

/* Whether an array is dense, of this type and has the shape of the results of w. */
static int is_result(PyObject *g, PyObject *x, int n, const npy_intp *pooled, int type)
{
    if (!PyArray_CheckExact(g) || !is_dense(g, type)
        || PyArray_NDIM(ARRAY(g)) != PyArray_NDIM(ARRAY(x)))
        return 0;
    const int nd = PyArray_NDIM(ARRAY(x));
    for (int i = 0; i < nd; i++) {
        const npy_intp wanted = i < nd - n ? PyArray_DIM(ARRAY(x), i) : pooled[3 - nd + i];
        if (PyArray_DIM(ARRAY(g), i) != wanted) return 0;
    }
    return 1;
}

/* Elements from which the twin's passes over whole arrays are quicker than a window after the
   other, where windows do not overlap. */
#define MANY 65536

static int better_whole(PyObject *x, const Windows *w)
{ return SIZE(x) > MANY && w->stride[1] >= w->kernel[1] && w->stride[2] >= w->kernel[2]; }

/* ---- maxima */

static PyObject *maximum_kernel(PyObject *const *args, Py_ssize_t nargs)
{
    Windows w;
    const int type = nargs == 6 ? read_windows(args[0], args + 1, 1, &w) : -1;
    if (type < 0 || SIZE(args[0]) > MANY) DECLINE;
    PyObject *made = made_like(args[0], POOLED(args[1]), w.out, type, 0);
    if (!made) return NULL;
    THREADS_BEGIN(SIZE(made));
    if (type == NPY_FLOAT32) maxima_float(&w, DATA(float, args[0]), DATA(float, made), NULL, NULL);
    else maxima_double(&w, DATA(double, args[0]), DATA(double, made), NULL, NULL);
    THREADS_END;
    return made;
}

static PyObject *pair(PyObject *a, PyObject *b)
{
    PyObject *both = a && b ? PyTuple_Pack(2, a, b) : NULL;
    Py_XDECREF(a);
    Py_XDECREF(b);
    return both;
}

static PyObject *max_places_kernel(PyObject *const *args, Py_ssize_t nargs)
{
    Windows w;
    const int type = nargs == 6 ? read_windows(args[0], args + 1, 1, &w) : -1;
    if (type < 0) DECLINE;
    PyObject *made = made_like(args[0], POOLED(args[1]), w.out, type, 0);
    PyObject *places = made_like(args[0], POOLED(args[1]), w.out, NPY_INTP, 0);
    void *scratch = made && places ? PyMem_Malloc(w.out[2] * sizeof(int64_t)) : NULL;
    if (!scratch) {
        Py_XDECREF(made);
        Py_XDECREF(places);
        return PyErr_Occurred() ? NULL : PyErr_NoMemory();
    }
    THREADS_BEGIN(SIZE(made));
    if (type == NPY_FLOAT32)
        maxima_float(&w, DATA(float, args[0]), DATA(float, made), DATA(npy_intp, places), scratch);
    else
        maxima_double(&w, DATA(double, args[0]), DATA(double, made), DATA(npy_intp, places),
                      scratch);
    THREADS_END;
    PyMem_Free(scratch);
    return pair(made, places);
}

static PyObject *through(PyObject *from, PyObject *like, PyObject *top, PyObject *const *args,
                         int pick)
{
    Windows w;
    const int type = read_windows(like, args, 1, &w);
    if (type < 0 || better_whole(like, &w)) DECLINE;
    const int n = POOLED(args[0]);
    if (!is_result(from, like, n, pick ? w.in : w.out, type)) DECLINE;
    if (!is_result(top, like, n, w.out, type)) DECLINE;
    PyObject *made = made_like(like, n, pick ? w.out : w.in, type, !pick);
    if (!made) return NULL;
    char *scratch = PyMem_Malloc(w.out[2] * (sizeof(double) + sizeof(int64_t)));
    if (!scratch) {
        Py_DECREF(made);
        return PyErr_NoMemory();
    }
    void *place = scratch, *row = scratch + w.out[2] * sizeof(int64_t);
    THREADS_BEGIN(SIZE(made));
    int right;
    if (type == NPY_FLOAT32)
        right = through_maxima_float(&w, DATA(float, from), DATA(float, like), DATA(float, top),
                                     DATA(float, made), pick, row, place);
    else
        right = through_maxima_double(&w, DATA(double, from), DATA(double, like), DATA(double, top),
                                      DATA(double, made), pick, row, place);
    THREADS_END;
    PyMem_Free(scratch);
    if (!right) {
        Py_DECREF(made);
        DECLINE;
    }
    return made;
}

/* max_back(g, x, out, size, kernel, stride, padding, dilation) */
static PyObject *max_back_kernel(PyObject *const *args, Py_ssize_t nargs)
{
    if (nargs != 8) DECLINE;
    return through(args[0], args[1], args[2], args + 3, 0);
}

/* max_pick(x, like, out, size, kernel, stride, padding, dilation) */
static PyObject *max_pick_kernel(PyObject *const *args, Py_ssize_t nargs)
{
    if (nargs != 8) DECLINE;
    return through(args[0], args[1], args[2], args + 3, 1);
}

/* ---- means */

static int read_mean(PyObject *const *args, Windows *w)
{
    w->divisor = 0;
    if (!PyBool_Check(args[0])) return 0;
    w->include = args[0] == Py_True;
    return args[1] == Py_None || as_index(args[1], &w->divisor);
}

/* average(x, size, kernel, stride, padding, include, divisor) */
static PyObject *average_kernel(PyObject *const *args, Py_ssize_t nargs)
{
    Windows w;
    const int type = nargs == 7 ? read_windows(args[0], args + 1, 0, &w) : -1;
    if (type < 0 || SIZE(args[0]) > MANY || !read_mean(args + 5, &w)) DECLINE;
    PyObject *made = made_like(args[0], POOLED(args[1]), w.out, type, 0);
    if (!made) return NULL;
    THREADS_BEGIN(SIZE(made));
    if (type == NPY_FLOAT32) means_float(&w, DATA(float, args[0]), DATA(float, made), NULL, 0);
    else means_double(&w, DATA(double, args[0]), DATA(double, made), NULL, 0);
    THREADS_END;
    return made;
}

/* average_back(g, spatial, size, kernel, stride, padding, include, divisor) */
static PyObject *average_back_kernel(PyObject *const *args, Py_ssize_t nargs)
{
    Windows w;
    if (nargs != 8) DECLINE;
    const int type = read_windows(args[0], args + 2, 0, &w); /* w.in: the results, for now */
    if (type < 0 || !read_mean(args + 6, &w)) DECLINE;
    const int n = POOLED(args[2]);
    if (memcmp(w.in, w.out, sizeof w.in) != 0 || !read_ints(args[1], n, 1, w.in)) DECLINE;
    PyObject *made = made_like(args[0], n, w.in, type, 1);
    if (!made) return NULL;
    void *scratch = PyMem_Malloc(w.out[2] * sizeof(double));
    if (!scratch) {
        Py_DECREF(made);
        return PyErr_NoMemory();
    }
    THREADS_BEGIN(SIZE(made));
    if (type == NPY_FLOAT32) means_float(&w, DATA(float, args[0]), DATA(float, made), scratch, 1);
    else means_double(&w, DATA(double, args[0]), DATA(double, made), scratch, 1);
    THREADS_END;
    PyMem_Free(scratch);
    return made;
}

/* ---- adaptive windows */

static int read_adaptive(PyObject *x, PyObject *size, Windows *w)
{
    if (!PyTuple_CheckExact(size)) return -1;
    const int n = (int)PyTuple_GET_SIZE(size);
    if (n < 1 || n > 3 || !read_ints(size, n, 1, w->out)) return -1;
    for (int i = 0; i < 3; i++)
        if (w->out[i] < 1) return -1;
    return read_input(x, n, &w->planes, w->in);
}

static PyObject *adaptive_maximum_kernel(PyObject *const *args, Py_ssize_t nargs)
{
    Windows w;
    const int type = nargs == 2 ? read_adaptive(args[0], args[1], &w) : -1;
    if (type < 0) DECLINE;
    PyObject *made = made_like(args[0], POOLED(args[1]), w.out, type, 0);
    PyObject *places = made_like(args[0], POOLED(args[1]), w.out, NPY_INTP, 0);
    if (made && places) {
        THREADS_BEGIN(SIZE(args[0]));
        if (type == NPY_FLOAT32)
            adaptive_maxima_float(&w, DATA(float, args[0]), DATA(float, made),
                                  DATA(npy_intp, places));
        else
            adaptive_maxima_double(&w, DATA(double, args[0]), DATA(double, made),
                                   DATA(npy_intp, places));
        THREADS_END;
    }
    return pair(made, places);
}

static PyObject *adaptive_average_kernel(PyObject *const *args, Py_ssize_t nargs)
{
    Windows w;
    const int type = nargs == 2 ? read_adaptive(args[0], args[1], &w) : -1;
    if (type < 0) DECLINE;
    PyObject *made = made_like(args[0], POOLED(args[1]), w.out, type, 0);
    if (!made) return NULL;
    THREADS_BEGIN(SIZE(args[0]));
    if (type == NPY_FLOAT32) adaptive_means_float(&w, DATA(float, args[0]), DATA(float, made), 0);
    else adaptive_means_double(&w, DATA(double, args[0]), DATA(double, made), 0);
    THREADS_END;
    return made;
}

/* adaptive_average_back(g, spatial) */
static PyObject *adaptive_average_back_kernel(PyObject *const *args, Py_ssize_t nargs)
{
    Windows w;
    const int type = nargs == 2 ? read_adaptive(args[0], args[1], &w) : -1;
    if (type < 0) DECLINE;
    for (int i = 0; i < 3; i++) { /* what was read as the input is the result */
        const npy_intp outputs = w.in[i];
        w.in[i] = w.out[i];
        w.out[i] = outputs;
    }
    PyObject *made = made_like(args[0], POOLED(args[1]), w.in, type, 1);
    if (!made) return NULL;
    THREADS_BEGIN(SIZE(made));
    if (type == NPY_FLOAT32) adaptive_means_float(&w, DATA(float, args[0]), DATA(float, made), 1);
    else adaptive_means_double(&w, DATA(double, args[0]), DATA(double, made), 1);
    THREADS_END;
    return made;
}

/* fractional_maximum(x, samples, kernel, size): samples (..., n), a number for each dimension */
static PyObject *fractional_maximum_kernel(PyObject *const *args, Py_ssize_t nargs)
{
    static const int width_first[] = {1, 0}, in_order[] = {0, 1, 2};
    Windows w;
    if (nargs != 4 || !PyTuple_CheckExact(args[3])) DECLINE;
    const int n = POOLED(args[3]);
    if (n < 2 || n > 3 || !read_ints(args[2], n, 1, w.kernel)) DECLINE;
    const int type = read_adaptive(args[0], args[3], &w);
    if (type < 0 || !PyArray_CheckExact(args[1]) || !is_dense(args[1], type)) DECLINE;
    const int nd = PyArray_NDIM(ARRAY(args[0])), leading = nd - n;
    if (PyArray_NDIM(ARRAY(args[1])) != leading + 1 || PyArray_DIM(ARRAY(args[1]), leading) != n)
        DECLINE;
    for (int i = 0; i < leading; i++)
        if (PyArray_DIM(ARRAY(args[1]), i) != PyArray_DIM(ARRAY(args[0]), i)) DECLINE;
    for (int i = 0; i < 3; i++)
        if (w.kernel[i] < 1 || w.out[i] + w.kernel[i] - 1 > w.in[i]) DECLINE;
    for (npy_intp i = 0; i < SIZE(args[1]); i++) { /* beyond, windows would not lie inside */
        const double u = type == NPY_FLOAT32 ? DATA(float, args[1])[i] : DATA(double, args[1])[i];
        if (!(u >= 0.0 && u < 1.0)) DECLINE;
    }
    PyObject *made = made_like(args[0], n, w.out, type, 0);
    PyObject *places = made_like(args[0], n, w.out, NPY_INTP, 0);
    npy_intp *start = PyMem_RawMalloc((size_t)(w.out[0] + w.out[1] + w.out[2]) * sizeof *start);
    if (made && places && !start) PyErr_NoMemory();
    if (!made || !places || !start) Py_CLEAR(made);
    else {
        const int *order = n == 2 ? width_first : in_order;
        THREADS_BEGIN(SIZE(args[0]));
        if (type == NPY_FLOAT32)
            fractional_maxima_float(&w, order, n, DATA(float, args[0]), DATA(float, args[1]),
                                    DATA(float, made), DATA(npy_intp, places), start);
        else
            fractional_maxima_double(&w, order, n, DATA(double, args[0]), DATA(double, args[1]),
                                     DATA(double, made), DATA(npy_intp, places), start);
        THREADS_END;
    }
    PyMem_RawFree(start);
    return pair(made, places);
}

/* ---- by place: the n last dimensions are one, of `inner` elements */

enum { TAKE, ADD, PUT };

static int by_place(int type, int how, const void *from, void *to, const npy_intp *place,
                    npy_intp planes, npy_intp places, npy_intp inner)
{
    for (npy_intp p = 0; p < planes; p++)
        for (npy_intp i = 0; i < places; i++) {
            const npy_intp here = p * places + i, at = place[here];
            if (at < 0 || at >= inner) return 0;
            const npy_intp there = p * inner + at;
            if (type == NPY_FLOAT32) {
                if (how == TAKE) ((float *)to)[here] = ((const float *)from)[there];
                else if (how == ADD) ((float *)to)[there] += ((const float *)from)[here];
                else ((float *)to)[there] = ((const float *)from)[here];
            } else {
                if (how == TAKE) ((double *)to)[here] = ((const double *)from)[there];
                else if (how == ADD) ((double *)to)[there] += ((const double *)from)[here];
                else ((double *)to)[there] = ((const double *)from)[here];
            }
        }
    return 1;
}

/* gather(x, places, n) */
static PyObject *gather_kernel(PyObject *const *args, Py_ssize_t nargs)
{
    npy_intp n, planes, inner[3], again, places[3];
    if (nargs != 3 || !as_index(args[2], &n) || n < 1 || n > 3) DECLINE;
    const int type = read_input(args[0], (int)n, &planes, inner);
    if (type < 0 || !is_dense(args[1], NPY_INTP) || SIZE(args[1]) == 0) DECLINE;
    const int nd = PyArray_NDIM(ARRAY(args[1]));
    if (nd != PyArray_NDIM(ARRAY(args[0]))) DECLINE;
    again = 1;
    for (int i = 0; i < 3; i++) places[i] = 1;
    for (int i = 0; i < nd; i++)
        if (i < nd - n) again *= PyArray_DIM(ARRAY(args[1]), i);
        else places[3 - nd + i] = PyArray_DIM(ARRAY(args[1]), i);
    if (again != planes) DECLINE;
    PyObject *made = new_array(nd, PyArray_DIMS(ARRAY(args[1])), type);
    if (!made) return NULL;
    if (!by_place(type, TAKE, PyArray_DATA(ARRAY(args[0])), PyArray_DATA(ARRAY(made)),
                  DATA(npy_intp, args[1]), planes, places[0] * places[1] * places[2],
                  inner[0] * inner[1] * inner[2])) {
        Py_DECREF(made);
        DECLINE;
    }
    return made;
}

static PyObject *spread(PyObject *const *args, Py_ssize_t nargs, int how)
{
    npy_intp planes, inner[3], spatial[3];
    if (nargs != 3 || !PyTuple_CheckExact(args[2])) DECLINE;
    const int n = POOLED(args[2]);
    if (n < 1 || n > 3 || !read_ints(args[2], n, 1, spatial)) DECLINE;
    const int type = read_input(args[0], n, &planes, inner);
    if (type < 0 || !is_dense(args[1], NPY_INTP) || !SAME_SHAPE(args[0], args[1])) DECLINE;
    PyObject *made = made_like(args[0], n, spatial, type, 1);
    if (!made) return NULL;
    if (!by_place(type, how, PyArray_DATA(ARRAY(args[0])), PyArray_DATA(ARRAY(made)),
                  DATA(npy_intp, args[1]), planes, inner[0] * inner[1] * inner[2],
                  spatial[0] * spatial[1] * spatial[2])) {
        Py_DECREF(made);
        DECLINE;
    }
    return made;
}

/* scatter(g, places, spatial) */
static PyObject *scatter_kernel(PyObject *const *args, Py_ssize_t nargs)
{ return spread(args, nargs, ADD); }

/* unpool(x, places, spatial) */
static PyObject *unpool_kernel(PyObject *const *args, Py_ssize_t nargs)
{ return spread(args, nargs, PUT); }

const Row pool_rows[] = {
    {"pool.adaptive_average", adaptive_average_kernel},
    {"pool.adaptive_average_back", adaptive_average_back_kernel},
    {"pool.adaptive_maximum", adaptive_maximum_kernel},
    {"pool.average", average_kernel},
    {"pool.average_back", average_back_kernel},
    {"pool.fractional_maximum", fractional_maximum_kernel},
    {"pool.gather", gather_kernel},
    {"pool.max_back", max_back_kernel},
    {"pool.max_pick", max_pick_kernel},
    {"pool.max_places", max_places_kernel},
    {"pool.maximum", maximum_kernel},
    {"pool.scatter", scatter_kernel},
    {"pool.unpool", unpool_kernel},
    {NULL, NULL},
};
