/* Normalisations of float32 and their derivatives: kernels/norm.py.

   With d = x - mean, s = 1/sqrt(variance + eps) over n numbers and h = g weight, the cotangent of x
   is s (h - mean(h) - d s^2 mean(h d)). What is summed is summed in double precision while it is in
   the cache; mean and s are computed again for it. */

#include "spans.h"

SUM_OF(sum_moments_row, (const float *g, const float *x, npy_intp n, float middle),
       (double)g[i] * (x[i] - middle))
SUM_OF(sum_weighted_row, (const float *g, const float *w, const float *x, npy_intp n, float middle),
       (double)(g[i] * w[i]) * (x[i] - middle))

/* a float32 array of n numbers in the order of C, or None: its numbers, or NULL */
INLINE int as_weight(PyObject *o, npy_intp n, const float **data)
{
    *data = NULL;
    if (o == Py_None) return 1;
    if (!is_dense(o, NPY_FLOAT32) || SIZE(o) != n) return 0;
    *data = DATA(float, o);
    return 1;
}

/* (gx, gw, gb) from new references, of which gw and gb may be None; NULL after an error */
static PyObject *three(PyObject *a, PyObject *b, PyObject *c)
{
    PyObject *made = a && b && c ? PyTuple_Pack(3, a, b, c) : NULL;
    Py_XDECREF(a);
    Py_XDECREF(b);
    Py_XDECREF(c);
    return made;
}

/* ---- rows: layer norm, RMS norm */

typedef struct {
    npy_intp rows, n;
    double eps;
    int centered;               /* less the mean: layer norm; else RMS norm */
    const float *weight, *bias; /* n each, or NULL */
} Norm;

/* the last `rank` dimensions of x as rows */
static int as_rows(PyObject *x, PyObject *rank, PyObject *eps, Norm *how)
{
    npy_intp last;
    if (!is_dense(x, NPY_FLOAT32) || !as_index(rank, &last) || !as_double(eps, &how->eps)) return 0;
    const int nd = PyArray_NDIM(ARRAY(x));
    how->n = 1;
    if (last < 1 || last > nd) return 0;
    for (int i = nd - (int)last; i < nd; i++) how->n *= PyArray_DIM(ARRAY(x), i);
    if (!SIZE(x)) return 0;
    how->rows = SIZE(x) / how->n;
    return 1;
}

/* mean and s of a row */
INLINE float row_scale(const float *x, npy_intp n, double eps, int centered, float *middle)
{
    const double mean = centered ? sum_row(x, n) / (double)n : 0.0;
    *middle = (float)mean;
    return (float)(1.0 / sqrt(sum_squares_row(x, n, mean) / (double)n + eps));
}

CLONES static void rows_loop(const float *x, float *y, const Norm *how)
{
    const npy_intp n = how->n;
    const float *w = how->weight, *b = how->bias;
    for (npy_intp r = 0; r < how->rows; r++, x += n, y += n) {
        float middle;
        const float scale = row_scale(x, n, how->eps, how->centered, &middle);
        if (w && b)
            for (npy_intp i = 0; i < n; i++) y[i] = (x[i] - middle) * scale * w[i] + b[i];
        else if (w)
            for (npy_intp i = 0; i < n; i++) y[i] = (x[i] - middle) * scale * w[i];
        else
            for (npy_intp i = 0; i < n; i++) y[i] = (x[i] - middle) * scale + (b ? b[i] : 0.0f);
    }
}

static PyObject *of_rows(PyObject *x, const Norm *how)
{
    PyObject *y = NEW_LIKE(x);
    if (!y) return NULL;
    THREADS_BEGIN(SIZE(x));
    rows_loop(DATA(float, x), DATA(float, y), how);
    THREADS_END;
    return y;
}

/* layer_norm(x, weight, bias, rank, eps) */
static PyObject *layer_norm(PyObject *const *args, Py_ssize_t nargs)
{
    Norm how = {.centered = 1};
    if (nargs != 5 || !as_rows(args[0], args[3], args[4], &how)) DECLINE;
    if (!as_weight(args[1], how.n, &how.weight) || !as_weight(args[2], how.n, &how.bias)) DECLINE;
    return of_rows(args[0], &how);
}

/* rms_norm(x, weight, rank, eps) */
static PyObject *rms_norm(PyObject *const *args, Py_ssize_t nargs)
{
    Norm how = {.centered = 0};
    if (nargs != 4 || !as_rows(args[0], args[2], args[3], &how)) DECLINE;
    if (!as_weight(args[1], how.n, &how.weight)) DECLINE;
    return of_rows(args[0], &how);
}

/* One row: gx, and what it adds to gw and gb (NULL: not wanted). */
INLINE void row_back(const float *g, const float *x, float *gx, double *gw, double *gb,
                     const float *w, npy_intp n, double eps, int centered)
{
    float middle;
    const float scale = row_scale(x, n, eps, centered, &middle);
    const double h = !centered ? 0.0 : w ? sum_products_row(g, w, n) : sum_row(g, n);
    const double hd = w ? sum_weighted_row(g, w, x, n, middle) : sum_moments_row(g, x, n, middle);
    const float shift = (float)(h / (double)n);
    const float pull = (float)(hd * scale * scale / (double)n);
    if (w)
        for (npy_intp i = 0; i < n; i++)
            gx[i] = scale * (g[i] * w[i] - shift - (x[i] - middle) * pull);
    else
        for (npy_intp i = 0; i < n; i++) gx[i] = scale * (g[i] - shift - (x[i] - middle) * pull);
    if (gw)
        for (npy_intp i = 0; i < n; i++) gw[i] += g[i] * ((x[i] - middle) * scale);
    if (gb)
        for (npy_intp i = 0; i < n; i++) gb[i] += g[i];
}

CLONES static void rows_back_loop(const float *g, const float *x, float *gx, double *gw, double *gb,
                                  const Norm *how)
{
    const npy_intp n = how->n;
    for (npy_intp r = 0; r < how->rows; r++)
        row_back(g + r * n, x + r * n, gx + r * n, gw, gb, how->weight, n, how->eps, how->centered);
}

/* The sums of a column as a float32 array like `shape`'s last dimensions; None where not wanted. */
static PyObject *rounded(const double *sums, npy_intp n, int nd, const npy_intp *shape)
{
    if (!sums) return Py_NewRef(Py_None);
    PyObject *made = new_array(nd, shape, NPY_FLOAT32);
    if (made)
        for (npy_intp i = 0; i < n; i++) DATA(float, made)[i] = (float)sums[i];
    return made;
}

static PyObject *of_rows_back(PyObject *const *args, int rank, const Norm *how, int with_bias)
{
    const npy_intp n = how->n, *shape = PyArray_DIMS(ARRAY(args[1]));
    double few[256] = {0.0}, *sums = few;
    PyObject *g = as_dense(args[0]), *gx;
    if (!g || !SAME_SHAPE(g, args[1])) {
        Py_XDECREF(g);
        DECLINE;
    }
    if (n > 128 && !(sums = PyMem_RawCalloc(2 * (size_t)n, sizeof(double)))) {
        Py_DECREF(g);
        return PyErr_NoMemory();
    }
    double *gw = how->weight ? sums : NULL, *gb = with_bias ? sums + n : NULL;
    if ((gx = NEW_LIKE(args[1]))) {
        THREADS_BEGIN(SIZE(gx));
        rows_back_loop(DATA(float, g), DATA(float, args[1]), DATA(float, gx), gw, gb, how);
        THREADS_END;
    }
    Py_DECREF(g);
    shape += PyArray_NDIM(ARRAY(args[1])) - rank;
    PyObject *made = three(gx, rounded(gw, n, rank, shape), rounded(gb, n, rank, shape));
    if (sums != few) PyMem_RawFree(sums);
    return made;
}

/* layer_norm_back(g, x, weight, has_bias, rank, eps) */
static PyObject *layer_norm_back(PyObject *const *args, Py_ssize_t nargs)
{
    Norm how = {.centered = 1};
    int with_bias;
    if (nargs != 6 || !as_rows(args[1], args[4], args[5], &how)) DECLINE;
    if (!as_weight(args[2], how.n, &how.weight) || !as_flag(args[3], &with_bias)) DECLINE;
    return of_rows_back(args, (int)PyLong_AsLong(args[4]), &how, with_bias);
}

/* rms_norm_back(g, x, weight, rank, eps): (gx, gw) */
static PyObject *rms_norm_back(PyObject *const *args, Py_ssize_t nargs)
{
    Norm how = {.centered = 0};
    if (nargs != 5 || !as_rows(args[1], args[3], args[4], &how)) DECLINE;
    if (!as_weight(args[2], how.n, &how.weight)) DECLINE;
    PyObject *made = of_rows_back(args, (int)PyLong_AsLong(args[3]), &how, 0);
    if (!made || made == Py_NotImplemented) return made;
    PyObject *both = PyTuple_GetSlice(made, 0, 2);
    Py_DECREF(made);
    return both;
}

/* ---- cells: x as (samples, channels, places). In batch norm a cell is a channel of all samples,
   in group norm neighbouring channels of one sample. */

typedef struct {
    npy_intp samples, channels, places, groups;
    double eps;
    const float *weight, *bias, *center, *variance; /* of the channels, or NULL */
} Cells;

static int as_cells(PyObject *x, PyObject *weight, PyObject *bias, PyObject *eps, Cells *c)
{
    if (!is_dense(x, NPY_FLOAT32) || PyArray_NDIM(ARRAY(x)) < 2 || !SIZE(x)) return 0;
    c->samples = PyArray_DIM(ARRAY(x), 0);
    c->channels = PyArray_DIM(ARRAY(x), 1);
    c->places = SIZE(x) / (c->samples * c->channels);
    return as_double(eps, &c->eps) && as_weight(weight, c->channels, &c->weight)
           && as_weight(bias, c->channels, &c->bias);
}

/* mean and variance (over n) of columns side by side: n rows of `inner` numbers */
INLINE void column_statistics(const float *x, npy_intp n, npy_intp inner, int wide, double *mean,
                              double *variance)
{
    for (int j = 0; j < wide; j++) mean[j] = variance[j] = 0.0;
    for (npy_intp i = 0; i < n; i++)
        for (int j = 0; j < wide; j++) mean[j] += x[i * inner + j];
    for (int j = 0; j < wide; j++) mean[j] /= (double)n;
    for (npy_intp i = 0; i < n; i++)
        for (int j = 0; j < wide; j++) variance[j] += square((double)x[i * inner + j] - mean[j]);
    for (int j = 0; j < wide; j++) variance[j] /= (double)n;
}

/* of one channel of all samples */
INLINE void channel_statistics(const float *x, const Cells *c, double *mean, double *variance)
{
    const npy_intp step = c->channels * c->places, n = c->samples * c->places;
    double total = 0.0, squares = 0.0;
    for (npy_intp s = 0; s < c->samples; s++) total += sum_row(x + s * step, c->places);
    *mean = total / (double)n;
    for (npy_intp s = 0; s < c->samples; s++)
        squares += sum_squares_row(x + s * step, c->places, *mean);
    *variance = squares / (double)n;
}

/* mean and variance of the channels from `first` on, WIDTH at most: those given, or the batch's */
INLINE void statistics(const float *x, const Cells *c, npy_intp first, int wide, double *mean,
                       double *variance)
{
    if (c->center)
        for (int j = 0; j < wide; j++) {
            mean[j] = c->center[first + j];
            variance[j] = c->variance[first + j];
        }
    else if (c->places == 1)
        column_statistics(x + first, c->samples, c->channels, wide, mean, variance);
    else
        for (int j = 0; j < wide; j++)
            channel_statistics(x + (first + j) * c->places, c, mean + j, variance + j);
}

/* y of channels whose mean and factor are known */
INLINE void scaled(const float *x, float *y, const Cells *c, npy_intp first, int wide,
                   const float *mean, const float *factor, const float *shift)
{
    const npy_intp places = c->places;
    for (npy_intp s = 0; s < c->samples; s++) {
        const npy_intp at = (s * c->channels + first) * places;
        if (places == 1)
            for (int j = 0; j < wide; j++) y[at + j] = (x[at + j] - mean[j]) * factor[j] + shift[j];
        else
            for (int j = 0; j < wide; j++)
                for (npy_intp p = at + j * places; p < at + (j + 1) * places; p++)
                    y[p] = (x[p] - mean[j]) * factor[j] + shift[j];
    }
}

/* means and variances: where those of the batch go, or NULL */
CLONES static void batch_loop(const float *x, float *y, const Cells *c, float *means,
                              float *variances)
{
    const double n = (double)(c->samples * c->places);
    /* few channels of many places at a time, so that they are in the cache when they are scaled */
    const npy_intp block = c->places == 1 ? WIDTH : 1;
    for (npy_intp first = 0; first < c->channels; first += block) {
        const int wide = (int)(c->channels - first < block ? c->channels - first : block);
        double mean[WIDTH], variance[WIDTH];
        float middle[WIDTH], factor[WIDTH], shift[WIDTH];
        statistics(x, c, first, wide, mean, variance);
        for (int j = 0; j < wide; j++) {
            const npy_intp k = first + j;
            middle[j] = (float)mean[j];
            factor[j] = (float)((c->weight ? c->weight[k] : 1.0) / sqrt(variance[j] + c->eps));
            shift[j] = c->bias ? c->bias[k] : 0.0f;
            if (means) {
                means[k] = (float)mean[j];
                variances[k] = (float)(variance[j] * n / (n > 1.0 ? n - 1.0 : 1.0));
            }
        }
        scaled(x, y, c, first, wide, middle, factor, shift);
    }
}

/* batch_norm(x, weight, bias, center, variance, eps) */
static PyObject *batch_norm(PyObject *const *args, Py_ssize_t nargs)
{
    Cells c = {0};
    if (nargs != 6 || !as_cells(args[0], args[1], args[2], args[5], &c)) DECLINE;
    if (!as_weight(args[3], c.channels, &c.center)) DECLINE;
    if (!as_weight(args[4], c.channels, &c.variance) || !c.center != !c.variance) DECLINE;
    PyObject *y = NEW_LIKE(args[0]);
    if (!y) return NULL;
    THREADS_BEGIN(SIZE(y));
    batch_loop(DATA(float, args[0]), DATA(float, y), &c, NULL, NULL);
    THREADS_END;
    return y;
}

/* batch_norm_training(x, weight, bias, eps): the result, the mean, the variance over n - 1 */
static PyObject *batch_norm_training(PyObject *const *args, Py_ssize_t nargs)
{
    Cells c = {0};
    if (nargs != 4 || !as_cells(args[0], args[1], args[2], args[3], &c)) DECLINE;
    PyObject *y = NEW_LIKE(args[0]), *mean = new_array(1, &c.channels, NPY_FLOAT32);
    PyObject *variance = new_array(1, &c.channels, NPY_FLOAT32);
    if (y && mean && variance) {
        THREADS_BEGIN(SIZE(y));
        batch_loop(DATA(float, args[0]), DATA(float, y), &c, DATA(float, mean),
                   DATA(float, variance));
        THREADS_END;
    }
    return three(y, mean, variance);
}

/* moved(running, now, momentum): running goes towards now, in place */
static PyObject *moved(PyObject *const *args, Py_ssize_t nargs)
{
    double momentum;
    if (nargs != 3 || !is_dense(args[0], NPY_FLOAT32) || !is_dense(args[1], NPY_FLOAT32)) DECLINE;
    if (!PyArray_ISWRITEABLE(ARRAY(args[0])) || !SAME_SHAPE(args[0], args[1])) DECLINE;
    if (!as_double(args[2], &momentum)) DECLINE;
    float *running = DATA(float, args[0]);
    const float *now = DATA(float, args[1]), keep = (float)(1.0 - momentum), take = (float)momentum;
    for (npy_intp i = 0, n = SIZE(args[0]); i < n; i++)
        running[i] = running[i] * keep + now[i] * take;
    Py_RETURN_NONE;
}

/* sums of g and of g (x - mean) over channels side by side */
INLINE void moments(const float *g, const float *x, const Cells *c, npy_intp first, int wide,
                    const float *mean, double *sums, double *products)
{
    const npy_intp places = c->places;
    for (int j = 0; j < wide; j++) sums[j] = products[j] = 0.0;
    for (npy_intp s = 0; s < c->samples; s++) {
        const npy_intp at = (s * c->channels + first) * places;
        if (places == 1)
            for (int j = 0; j < wide; j++) {
                sums[j] += g[at + j];
                products[j] += (double)g[at + j] * (x[at + j] - mean[j]);
            }
        else
            for (int j = 0; j < wide; j++) {
                sums[j] += sum_row(g + at + j * places, places);
                products[j] +=
                    sum_moments_row(g + at + j * places, x + at + j * places, places, mean[j]);
            }
    }
}

/* the cotangents of batch_norm: by the batch's statistics, or (c->center) by given ones */
CLONES static void batch_back_loop(const float *g, const float *x, float *gx, float *gw, float *gb,
                                   const Cells *c)
{
    const npy_intp places = c->places;
    const double n = (double)(c->samples * places);
    const npy_intp block = places == 1 ? WIDTH : 1;
    for (npy_intp first = 0; first < c->channels; first += block) {
        const int wide = (int)(c->channels - first < block ? c->channels - first : block);
        double mean[WIDTH], variance[WIDTH], sums[WIDTH], products[WIDTH];
        float middle[WIDTH], factor[WIDTH], shift[WIDTH], pull[WIDTH];
        statistics(x, c, first, wide, mean, variance);
        for (int j = 0; j < wide; j++) middle[j] = (float)mean[j];
        moments(g, x, c, first, wide, middle, sums, products);
        for (int j = 0; j < wide; j++) {
            const double scale = 1.0 / sqrt(variance[j] + c->eps);
            gw[first + j] = (float)(products[j] * scale);
            gb[first + j] = (float)sums[j];
            factor[j] = (float)(scale * (c->weight ? c->weight[first + j] : 1.0f));
            shift[j] = c->center ? 0.0f : (float)(sums[j] / n);
            pull[j] = c->center ? 0.0f : (float)(products[j] * scale * scale / n);
        }
        for (npy_intp s = 0; s < c->samples; s++) {
            const npy_intp at = (s * c->channels + first) * places;
            if (places == 1)
                for (int j = 0; j < wide; j++)
                    gx[at + j] =
                        factor[j] * (g[at + j] - shift[j] - (x[at + j] - middle[j]) * pull[j]);
            else
                for (int j = 0; j < wide; j++)
                    for (npy_intp p = at + j * places; p < at + (j + 1) * places; p++)
                        gx[p] = factor[j] * (g[p] - shift[j] - (x[p] - middle[j]) * pull[j]);
        }
    }
}

static PyObject *of_batch_back(PyObject *g, PyObject *x, const Cells *c)
{
    if (!(g = as_dense(g)) || !SAME_SHAPE(g, x)) {
        Py_XDECREF(g);
        DECLINE;
    }
    PyObject *gx = NEW_LIKE(x), *gw = new_array(1, &c->channels, NPY_FLOAT32);
    PyObject *gb = new_array(1, &c->channels, NPY_FLOAT32);
    if (gx && gw && gb) {
        THREADS_BEGIN(SIZE(x));
        batch_back_loop(DATA(float, g), DATA(float, x), DATA(float, gx), DATA(float, gw),
                        DATA(float, gb), c);
        THREADS_END;
    }
    Py_DECREF(g);
    return three(gx, gw, gb);
}

/* batch_norm_eval_back(g, x, weight, center, variance, eps) */
static PyObject *batch_norm_eval_back(PyObject *const *args, Py_ssize_t nargs)
{
    Cells c = {0};
    if (nargs != 6 || !as_cells(args[1], args[2], Py_None, args[5], &c)) DECLINE;
    if (!as_weight(args[3], c.channels, &c.center) || !c.center) DECLINE;
    if (!as_weight(args[4], c.channels, &c.variance) || !c.variance) DECLINE;
    return of_batch_back(args[0], args[1], &c);
}

/* ---- group norm: a cell is a row of memory */

CLONES static void group_loop(const float *x, float *y, const Cells *c)
{
    const npy_intp size = c->channels / c->groups, places = c->places, n = size * places;
    for (npy_intp r = 0; r < c->samples * c->groups; r++, x += n, y += n) {
        const npy_intp first = r % c->groups * size;
        const float *w = c->weight ? c->weight + first : NULL;
        const float *b = c->bias ? c->bias + first : NULL;
        float middle;
        const float scale = row_scale(x, n, c->eps, 1, &middle);
        if (places == 1)
            for (npy_intp i = 0; i < n; i++)
                y[i] = (x[i] - middle) * (scale * (w ? w[i] : 1.0f)) + (b ? b[i] : 0.0f);
        else
            for (npy_intp k = 0; k < size; k++) {
                const float factor = scale * (w ? w[k] : 1.0f), shift = b ? b[k] : 0.0f;
                for (npy_intp i = k * places; i < (k + 1) * places; i++)
                    y[i] = (x[i] - middle) * factor + shift;
            }
    }
}

/* group_norm(x, weight, bias, groups, eps) */
static PyObject *group_norm(PyObject *const *args, Py_ssize_t nargs)
{
    Cells c = {0};
    if (nargs != 5 || !as_cells(args[0], args[1], args[2], args[4], &c)) DECLINE;
    if (!as_index(args[3], &c.groups) || c.groups < 1 || c.channels % c.groups) DECLINE;
    PyObject *y = NEW_LIKE(args[0]);
    if (!y) return NULL;
    THREADS_BEGIN(SIZE(y));
    group_loop(DATA(float, args[0]), DATA(float, y), &c);
    THREADS_END;
    return y;
}

/* gx, and what is added to gw and gb */
CLONES static void group_back_loop(const float *g, const float *x, float *gx, double *gw,
                                   double *gb, const Cells *c)
{
    const npy_intp size = c->channels / c->groups, places = c->places, n = size * places;
    for (npy_intp r = 0; r < c->samples * c->groups; r++, g += n, x += n, gx += n) {
        const npy_intp first = r % c->groups * size;
        const float *w = c->weight ? c->weight + first : NULL;
        if (places == 1) {
            row_back(g, x, gx, gw + first, gb + first, w, n, c->eps, 1);
            continue;
        }
        float middle;
        const float scale = row_scale(x, n, c->eps, 1, &middle);
        double h = 0.0, hd = 0.0;
        for (npy_intp k = 0; k < size; k++) {
            const double sums = sum_row(g + k * places, places);
            const double products = sum_moments_row(g + k * places, x + k * places, places, middle);
            gw[first + k] += products * scale;
            gb[first + k] += sums;
            h += sums * (w ? w[k] : 1.0f);
            hd += products * (w ? w[k] : 1.0f);
        }
        const float shift = (float)(h / (double)n), pull = (float)(hd * scale * scale / (double)n);
        for (npy_intp k = 0; k < size; k++) {
            const float factor = w ? w[k] : 1.0f;
            for (npy_intp i = k * places; i < (k + 1) * places; i++)
                gx[i] = scale * (g[i] * factor - shift - (x[i] - middle) * pull);
        }
    }
}

static PyObject *of_groups_back(PyObject *g, PyObject *x, const Cells *c)
{
    if (!(g = as_dense(g)) || !SAME_SHAPE(g, x)) {
        Py_XDECREF(g);
        DECLINE;
    }
    const npy_intp n = c->channels;
    double few[256] = {0.0}, *sums = few;
    if (n > 128 && !(sums = PyMem_RawCalloc(2 * (size_t)n, sizeof(double)))) {
        Py_DECREF(g);
        return PyErr_NoMemory();
    }
    PyObject *gx = NEW_LIKE(x);
    if (gx) {
        THREADS_BEGIN(SIZE(x));
        group_back_loop(DATA(float, g), DATA(float, x), DATA(float, gx), sums, sums + n, c);
        THREADS_END;
    }
    Py_DECREF(g);
    PyObject *made = three(gx, rounded(sums, n, 1, &n), rounded(sums + n, n, 1, &n));
    if (sums != few) PyMem_RawFree(sums);
    return made;
}

/* cells_back(g, x, weight, groups, eps); groups 0: batch norm by the batch's statistics */
static PyObject *cells_back(PyObject *const *args, Py_ssize_t nargs)
{
    Cells c = {0};
    if (nargs != 5 || !as_cells(args[1], args[2], Py_None, args[4], &c)) DECLINE;
    if (!as_index(args[3], &c.groups) || c.groups < 0) DECLINE;
    if (!c.groups) return of_batch_back(args[0], args[1], &c);
    if (c.channels % c.groups) DECLINE;
    return of_groups_back(args[0], args[1], &c);
}

const Row norms_rows[] = {
    {"norm.layer_norm", layer_norm},
    {"norm.layer_norm_back", layer_norm_back},
    {"norm.rms_norm", rms_norm},
    {"norm.rms_norm_back", rms_norm_back},
    {"norm.batch_norm", batch_norm},
    {"norm.batch_norm_training", batch_norm_training},
    {"norm.moved", moved},
    {"norm.batch_norm_eval_back", batch_norm_eval_back},
    {"norm.group_norm", group_norm},
    {"norm.cells_back", cells_back},
    {NULL, NULL},
};
