/* Elements of images moved about: patches as columns (kernels/conv.py: im2col, col2im), pixels and
   channels shuffled (ops/nn/shuffle.py), places of affine maps (ops/nn/grid_sample.py). */

#include <stdint.h>
#include <string.h>
#include "windows.h"

/* ---- patches as columns */

/* `planes` images of in[1] x in[2] and their patches, out[1] x out[2] of kernel[1] x kernel[2]. */
typedef struct {
    npy_intp planes, in[3], out[3], kernel[3], stride[3], pad[3], dilation[3];
} Patches;

/* (kernel, size, stride, padding, dilation) */
static int read_patches(PyObject *const *args, Patches *p)
{
    return read_ints(args[0], 2, 1, p->kernel) && read_ints(args[1], 2, 1, p->out)
           && read_ints(args[2], 2, 1, p->stride) && read_ints(args[3], 2, 0, p->pad)
           && read_ints(args[4], 2, 1, p->dilation) && p->kernel[1] > 0 && p->kernel[2] > 0
           && p->out[1] > 0 && p->out[2] > 0 && p->stride[1] > 0 && p->stride[2] > 0
           && p->dilation[1] > 0 && p->dilation[2] > 0;
}

static int float_type(PyObject *x)
{
    if (is_dense(x, NPY_FLOAT32)) return NPY_FLOAT32;
    return is_dense(x, NPY_FLOAT64) ? NPY_FLOAT64 : -1;
}

/* Every tap of every plane has a row of outputs: what of the image it covers is copied from there,
   or added to it. */
#define PATCHES(T)                                                                                 \
    static void columns_##T(const Patches *p, const T *x, T *columns)                              \
    {                                                                                              \
        const npy_intp h = p->in[1], w = p->in[2], down = p->stride[1], step = p->stride[2];       \
        for (npy_intp plane = 0; plane < p->planes; plane++, x += h * w)                           \
            for (npy_intp i = 0; i < p->kernel[1]; i++)                                            \
                for (npy_intp j = 0; j < p->kernel[2]; j++) {                                      \
                    const npy_intp left = j * p->dilation[2] - p->pad[2];                          \
                    npy_intp low, high;                                                            \
                    inside(left, step, w, p->out[2], &low, &high);                                 \
                    for (npy_intp o = 0; o < p->out[1]; o++, columns += p->out[2]) {               \
                        const npy_intp row = o * down + i * p->dilation[1] - p->pad[1];            \
                        if (row < 0 || row >= h) {                                                 \
                            memset(columns, 0, (size_t)p->out[2] * sizeof(T));                     \
                            continue;                                                              \
                        }                                                                          \
                        const T *from = x + row * w + left;                                        \
                        for (npy_intp c = 0; c < low; c++) columns[c] = 0;                         \
                        for (npy_intp c = low; c < high; c++) columns[c] = from[c * step];         \
                        for (npy_intp c = high; c < p->out[2]; c++) columns[c] = 0;                \
                    }                                                                              \
                }                                                                                  \
    }                                                                                              \
    static void images_##T(const Patches *p, const T *columns, T *x)                               \
    {                                                                                              \
        const npy_intp h = p->in[1], w = p->in[2], down = p->stride[1], step = p->stride[2];       \
        for (npy_intp plane = 0; plane < p->planes; plane++, x += h * w)                           \
            for (npy_intp i = 0; i < p->kernel[1]; i++)                                            \
                for (npy_intp j = 0; j < p->kernel[2]; j++) {                                      \
                    const npy_intp left = j * p->dilation[2] - p->pad[2];                          \
                    npy_intp low, high;                                                            \
                    inside(left, step, w, p->out[2], &low, &high);                                 \
                    for (npy_intp o = 0; o < p->out[1]; o++, columns += p->out[2]) {               \
                        const npy_intp row = o * down + i * p->dilation[1] - p->pad[1];            \
                        if (row < 0 || row >= h) continue;                                         \
                        T *to = x + row * w + left;                                                \
                        for (npy_intp c = low; c < high; c++) to[c * step] += columns[c];          \
                    }                                                                              \
                }                                                                                  \
    }

PATCHES(float)
PATCHES(double)

/* im2col(x, kernel, size, stride, padding, dilation) */
static PyObject *im2col(PyObject *const *args, Py_ssize_t nargs)
{
    Patches p;
    npy_intp shape[8];
    const int type = nargs == 6 ? float_type(args[0]) : -1;
    if (type < 0 || !read_patches(args + 1, &p) || !SIZE(args[0])) DECLINE;
    const int nd = PyArray_NDIM(ARRAY(args[0]));
    if (nd < 3 || nd > 8) DECLINE;
    p.planes = 1;
    for (int i = 0; i < nd - 2; i++) p.planes *= shape[i] = PyArray_DIM(ARRAY(args[0]), i);
    p.in[1] = PyArray_DIM(ARRAY(args[0]), nd - 2);
    p.in[2] = PyArray_DIM(ARRAY(args[0]), nd - 1);
    shape[nd - 3] *= p.kernel[1] * p.kernel[2];
    shape[nd - 2] = p.out[1] * p.out[2];
    PyObject *y = new_array(nd - 1, shape, type);
    if (!y) return NULL;
    THREADS_BEGIN(SIZE(y));
    if (type == NPY_FLOAT32) columns_float(&p, DATA(float, args[0]), DATA(float, y));
    else columns_double(&p, DATA(double, args[0]), DATA(double, y));
    THREADS_END;
    return y;
}

/* col2im(g, spatial, kernel, size, stride, padding, dilation) */
static PyObject *col2im(PyObject *const *args, Py_ssize_t nargs)
{
    Patches p;
    npy_intp shape[8];
    const int type = nargs == 7 ? float_type(args[0]) : -1;
    if (type < 0 || !read_ints(args[1], 2, 1, p.in) || !read_patches(args + 2, &p)) DECLINE;
    const int nd = PyArray_NDIM(ARRAY(args[0])), taps = (int)(p.kernel[1] * p.kernel[2]);
    if (nd < 2 || nd > 7 || !SIZE(args[0]) || p.in[1] < 1 || p.in[2] < 1) DECLINE;
    if (PyArray_DIM(ARRAY(args[0]), nd - 1) != p.out[1] * p.out[2]) DECLINE;
    if (PyArray_DIM(ARRAY(args[0]), nd - 2) % taps) DECLINE;
    for (int i = 0; i < nd - 1; i++) shape[i] = PyArray_DIM(ARRAY(args[0]), i);
    shape[nd - 2] /= taps;
    p.planes = 1;
    for (int i = 0; i < nd - 1; i++) p.planes *= shape[i];
    shape[nd - 1] = p.in[1];
    shape[nd] = p.in[2];
    PyObject *y = PyArray_ZEROS(nd + 1, shape, type, 0);
    if (!y) return NULL;
    THREADS_BEGIN(SIZE(args[0]));
    if (type == NPY_FLOAT32) images_float(&p, DATA(float, args[0]), DATA(float, y));
    else images_double(&p, DATA(double, args[0]), DATA(double, y));
    THREADS_END;
    return y;
}

/* ---- shuffles: elements of 4 or 8 bytes */

/* A dense array of such elements and of 3 to 8 dimensions, with a number above 0; its item size. */
static int read_shuffle(PyObject *const *args, Py_ssize_t nargs, npy_intp *factor)
{
    if (nargs != 2 || !PyArray_CheckExact(args[0]) || !as_index(args[1], factor) || *factor < 1)
        return 0;
    const int size = (int)PyArray_ITEMSIZE(ARRAY(args[0])), type = PyArray_TYPE(ARRAY(args[0]));
    if (!PyTypeNum_ISNUMBER(type) || !is_dense(args[0], type) || (size != 4 && size != 8)) return 0;
    const int nd = PyArray_NDIM(ARRAY(args[0]));
    return nd > 2 && nd < 9 && SIZE(args[0]) ? size : 0;
}

/* (n, r, r, h, w) to (n, h, r, w, r), or back */
#define PIXELS(T)                                                                                  \
    static void pixels_##T(const T *from, T *to, npy_intp n, npy_intp r, npy_intp h, npy_intp w,   \
                           int back)                                                               \
    {                                                                                              \
        for (npy_intp s = 0; s < n; s++)                                                           \
            for (npy_intp i = 0; i < r; i++)                                                       \
                for (npy_intp j = 0; j < r; j++)                                                   \
                    for (npy_intp y = 0; y < h; y++) {                                             \
                        const npy_intp near = (((s * r + i) * r + j) * h + y) * w;                 \
                        const npy_intp far = ((s * h + y) * r + i) * w * r + j;                    \
                        if (back)                                                                  \
                            for (npy_intp x = 0; x < w; x++) to[near + x] = from[far + x * r];     \
                        else                                                                       \
                            for (npy_intp x = 0; x < w; x++) to[far + x * r] = from[near + x];     \
                    }                                                                              \
    }

PIXELS(uint32_t)
PIXELS(uint64_t)

static PyObject *pixels(PyObject *const *args, Py_ssize_t nargs, int back)
{
    npy_intp r, shape[8];
    const int size = read_shuffle(args, nargs, &r);
    if (!size || r > 1 << 15) DECLINE;
    if (back && SIZE(args[0]) > 1 << 17) DECLINE; /* the twin goes by cache lines */
    const int nd = PyArray_NDIM(ARRAY(args[0]));
    for (int i = 0; i < nd; i++) shape[i] = PyArray_DIM(ARRAY(args[0]), i);
    npy_intp *c = shape + nd - 3, *h = c + 1, *w = c + 2;
    if (back ? *h % r || *w % r : *c % (r * r)) DECLINE;
    *c = back ? *c * r * r : *c / (r * r);
    *h = back ? *h / r : *h * r;
    *w = back ? *w / r : *w * r;
    PyObject *y = new_array(nd, shape, PyArray_TYPE(ARRAY(args[0])));
    if (!y) return NULL;
    const npy_intp low = back ? *h : *h / r, narrow = back ? *w : *w / r;
    const npy_intp n = SIZE(y) / (r * r * low * narrow);
    THREADS_BEGIN(SIZE(y));
    if (size == 4)
        pixels_uint32_t(DATA(uint32_t, args[0]), DATA(uint32_t, y), n, r, low, narrow, back);
    else pixels_uint64_t(DATA(uint64_t, args[0]), DATA(uint64_t, y), n, r, low, narrow, back);
    THREADS_END;
    return y;
}

static PyObject *pixel_shuffle(PyObject *const *args, Py_ssize_t nargs)
{ return pixels(args, nargs, 0); }

static PyObject *pixel_unshuffle(PyObject *const *args, Py_ssize_t nargs)
{ return pixels(args, nargs, 1); }

/* channel_shuffle(x, groups): (n, groups, c, rest) to (n, c, groups, rest) */
static PyObject *channel_shuffle(PyObject *const *args, Py_ssize_t nargs)
{
    npy_intp groups;
    const int size = read_shuffle(args, nargs, &groups);
    if (!size || PyArray_DIM(ARRAY(args[0]), 1) % groups) DECLINE;
    PyObject *y = NEW_LIKE(args[0]);
    if (!y) return NULL;
    const npy_intp n = PyArray_DIM(ARRAY(y), 0), c = PyArray_DIM(ARRAY(y), 1) / groups;
    const size_t run = (size_t)(SIZE(y) / (n * c * groups) * size);
    const char *from = PyArray_DATA(ARRAY(args[0]));
    char *to = PyArray_DATA(ARRAY(y));
    THREADS_BEGIN(SIZE(y));
    for (npy_intp s = 0; s < n; s++, from += groups * c * (npy_intp)run)
        for (npy_intp i = 0; i < c; i++)
            for (npy_intp g = 0; g < groups; g++, to += run)
                memcpy(to, from + (g * c + i) * (npy_intp)run, run);
    THREADS_END;
    return y;
}

/* ---- affine maps of the places of an image or a volume */

/* (size, aligned): the sizes of places, the last at the end; the number of dimensions, or 0 */
static int read_places(PyObject *size, PyObject *aligned, npy_intp *places, int *ends)
{
    const int n = PyTuple_CheckExact(size) ? (int)PyTuple_GET_SIZE(size) - 2 : 0;
    if (n < 2 || n > 3 || !PyBool_Check(aligned)) return 0;
    places[0] = 1;
    for (int i = 0; i < n; i++)
        if (!as_index(PyTuple_GET_ITEM(size, 2 + i), &places[3 - n + i]) || places[3 - n + i] < 1)
            return 0;
    *ends = aligned == Py_True;
    return n;
}

/* The coordinate of place i of n, from -1 to 1. */
INLINE double coordinate(npy_intp i, npy_intp n, int ends)
{
    if (n == 1) return 0.0;
    const double at = i == n - 1 ? 1.0 : (double)i * (2.0 / (double)(n - 1)) - 1.0;
    return ends ? at : at * ((double)(n - 1) / (double)n);
}

/* What a place adds, (x, y, [z,] 1) by row of the map: applied, or (back) summed up for g. */
static void affine(const float *theta, float *grid, double *sums, const npy_intp *places, int n,
                   int ends)
{
    for (npy_intp a = 0; a < places[0]; a++)
        for (npy_intp b = 0; b < places[1]; b++)
            for (npy_intp c = 0; c < places[2]; c++, grid += n) {
                const float at[4] = {(float)coordinate(c, places[2], ends),
                                     (float)coordinate(b, places[1], ends),
                                     n == 2 ? 1.0f : (float)coordinate(a, places[0], ends), 1.0f};
                for (int i = 0; i < n; i++) {
                    double total = 0.0;
                    for (int j = 0; j <= n; j++)
                        if (sums) sums[i * (n + 1) + j] += (double)grid[i] * at[j];
                        else total += (double)theta[i * (n + 1) + j] * at[j];
                    if (!sums) grid[i] = (float)total;
                }
            }
}

/* affine_grid(theta, size, aligned) */
static PyObject *affine_grid(PyObject *const *args, Py_ssize_t nargs)
{
    npy_intp places[3], shape[5];
    int ends;
    const int n = nargs == 3 ? read_places(args[1], args[2], places, &ends) : 0;
    if (!n || !is_dense(args[0], NPY_FLOAT32) || PyArray_NDIM(ARRAY(args[0])) != 3) DECLINE;
    const npy_intp *given = PyArray_DIMS(ARRAY(args[0]));
    if (given[1] != n || given[2] != n + 1) DECLINE;
    shape[0] = given[0];
    for (int i = 0; i < n; i++) shape[1 + i] = places[3 - n + i];
    shape[n + 1] = n;
    PyObject *y = new_array(n + 2, shape, NPY_FLOAT32);
    if (!y) return NULL;
    const npy_intp each = places[0] * places[1] * places[2] * n;
    THREADS_BEGIN(SIZE(y));
    for (npy_intp s = 0; s < given[0]; s++)
        affine(DATA(float, args[0]) + s * n * (n + 1), DATA(float, y) + s * each, NULL, places, n,
               ends);
    THREADS_END;
    return y;
}

/* affine_grid_back(g, size, aligned): the transpose */
static PyObject *affine_grid_back(PyObject *const *args, Py_ssize_t nargs)
{
    npy_intp places[3];
    int ends;
    const int n = nargs == 3 ? read_places(args[1], args[2], places, &ends) : 0;
    if (!n || !is_dense(args[0], NPY_FLOAT32) || PyArray_NDIM(ARRAY(args[0])) != n + 2) DECLINE;
    const npy_intp each = places[0] * places[1] * places[2] * n;
    const npy_intp samples = PyArray_DIM(ARRAY(args[0]), 0), shape[3] = {samples, n, n + 1};
    if (SIZE(args[0]) != samples * each) DECLINE;
    PyObject *y = new_array(3, shape, NPY_FLOAT32);
    if (!y) return NULL;
    THREADS_BEGIN(SIZE(args[0]));
    for (npy_intp s = 0; s < samples; s++) {
        double sums[12] = {0.0};
        affine(NULL, DATA(float, args[0]) + s * each, sums, places, n, ends);
        for (int i = 0; i < n * (n + 1); i++) DATA(float, y)[s * n * (n + 1) + i] = (float)sums[i];
    }
    THREADS_END;
    return y;
}

const Row images_rows[] = {
    {"conv.col2im", col2im},
    {"conv.im2col", im2col},
    {"ops.nn.grid_sample._affine_back_kernel", affine_grid_back},
    {"ops.nn.grid_sample._affine_kernel", affine_grid},
    {"ops.nn.shuffle._channel_shuffle_kernel", channel_shuffle},
    {"ops.nn.shuffle._pixel_shuffle_kernel", pixel_shuffle},
    {"ops.nn.shuffle._pixel_unshuffle_kernel", pixel_unshuffle},
    {NULL, NULL},
};
