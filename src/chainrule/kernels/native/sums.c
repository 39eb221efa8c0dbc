/* Reductions of float32 over neighbouring axes: kernels/reduce.py. */

#include "spans.h"
#include <numpy/arrayscalars.h>

typedef void (*fold32)(const float *x, float *y, const Span *s);

static PyObject *scalar(float value)
{
    PyObject *made = PyArrayScalar_New(Float);
    if (made) ((PyFloatScalarObject *)made)->obval = value;
    return made;
}

/* f over x (dim, keepdim) as its arguments say; one number is a NumPy scalar, as everywhere. */
static PyObject *reduce_float32(fold32 f, PyObject *const *args, Py_ssize_t nargs)
{
    Span s;
    int keepdim = 0;
    if (nargs < 1 || nargs > 3 || !is_dense(args[0], NPY_FLOAT32)) DECLINE;
    if (!span_of(args[0], nargs > 1 ? args[1] : Py_None, &s)) DECLINE;
    if (nargs > 2 && !as_flag(args[2], &keepdim)) DECLINE;
    if (!keepdim && s.count == PyArray_NDIM(ARRAY(args[0]))) {
        float value;
        THREADS_BEGIN(s.n);
        f(DATA(float, args[0]), &value, &s);
        THREADS_END;
        return scalar(value);
    }
    PyObject *y = new_reduced(args[0], &s, keepdim);
    if (!y) return NULL;
    THREADS_BEGIN(SIZE(args[0]));
    f(DATA(float, args[0]), DATA(float, y), &s);
    THREADS_END;
    return y;
}

/* FOLD32(name, type, lanes, again, start, step, merge, finish): acc of `type` begins at `start`,
   takes every x by `step`, is joined with `other` by `merge`, and gives the result by `finish`. A
   row is taken in so many lanes; `again`: no harm if an x is taken twice. */
#define FOLD32(name, type, lanes, again, start, step, merge, finish)                               \
    INLINE void name##_lanes(const float *from, type *lane)                                        \
    {                                                                                              \
        for (int l = 0; l < lanes; l++) {                                                          \
            const float x = from[l];                                                               \
            const type acc = lane[l];                                                              \
            lane[l] = (step);                                                                      \
        }                                                                                          \
    }                                                                                              \
    INLINE type name##_of_row(const float *from, npy_intp n)                                       \
    {                                                                                              \
        type acc = (start);                                                                        \
        npy_intp i = 0;                                                                            \
        if (n >= lanes) {                                                                          \
            type lane[lanes];                                                                      \
            for (int l = 0; l < lanes; l++) lane[l] = (start);                                     \
            for (; i + lanes <= n; i += lanes) name##_lanes(from + i, lane);                       \
            if (again && i < n) {                                                                  \
                name##_lanes(from + n - lanes, lane);                                              \
                i = n;                                                                             \
            }                                                                                      \
            for (int w = lanes / 2; w; w /= 2)                                                     \
                for (int l = 0; l < w; l++) {                                                      \
                    const type other = lane[l + w], acc = lane[l];                                 \
                    lane[l] = (merge);                                                             \
                }                                                                                  \
            acc = lane[0];                                                                         \
        }                                                                                          \
        for (; i < n; i++) {                                                                       \
            const float x = from[i];                                                               \
            acc = (step);                                                                          \
        }                                                                                          \
        return acc;                                                                                \
    }                                                                                              \
    /* `rows` rows of columns side by side */                                                      \
    INLINE void name##_columns(const float *from, type *column, npy_intp inner, int wide,          \
                               int rows)                                                           \
    {                                                                                              \
        for (int j = 0; j < wide; j++) {                                                           \
            type acc = column[j];                                                                  \
            for (int r = 0; r < rows; r++) {                                                       \
                const float x = from[r * inner + j];                                               \
                acc = (step);                                                                      \
            }                                                                                      \
            column[j] = acc;                                                                       \
        }                                                                                          \
    }                                                                                              \
    CLONES static void name##_loop(const float *from, float *to, const Span *s)                    \
    {                                                                                              \
        const npy_intp n = s->n, inner = s->inner;                                                 \
        for (npy_intp o = 0; inner == 1 && o < s->outer; o++) {                                    \
            const type acc = name##_of_row(from + o * n, n);                                       \
            to[o] = (float)(finish);                                                               \
        }                                                                                          \
        for (npy_intp o = 0; inner > 1 && o < s->outer; o++)                                       \
            for (npy_intp c = 0; c < inner; c += WIDTH) {                                          \
                const int wide = inner - c < WIDTH ? (int)(inner - c) : WIDTH;                     \
                const float *at = from + o * n * inner + c;                                        \
                type column[WIDTH];                                                                \
                npy_intp i = 0;                                                                    \
                for (int j = 0; j < wide; j++) column[j] = (start);                                \
                for (; i + 4 <= n; i += 4) name##_columns(at + i * inner, column, inner, wide, 4); \
                for (; i < n; i++) name##_columns(at + i * inner, column, inner, wide, 1);         \
                for (int j = 0; j < wide; j++) {                                                   \
                    const type acc = column[j];                                                    \
                    to[o * inner + c + j] = (float)(finish);                                       \
                }                                                                                  \
            }                                                                                      \
    }

/* in double precision; or the x that is `better` than acc, or NaN, which wins and stays */
#define SUM32(name, start, step, merge, finish)                                                    \
    FOLD32(name, double, LANES, 0, start, step, merge, finish)
#define EXTREME32(name, start, value, than)                                                        \
    FOLD32(name, float, WIDTH, 1, start, (value than acc) | (x != x) ? value : acc,                \
           (other than acc) | (other != other) ? other : acc, acc)

#define REDUCTION(name)                                                                            \
    static PyObject *name(PyObject *const *args, Py_ssize_t nargs)                                 \
    { return reduce_float32(name##_loop, args, nargs); }

SUM32(sum, 0.0, acc + x, acc + other, acc)
SUM32(mean, 0.0, acc + x, acc + other, acc / (double)n)
FOLD32(nansum, double, WIDTH, 0, 0.0, acc + (x == x ? x : 0.0f), acc + other, acc)
FOLD32(count_numbers, double, WIDTH, 0, 0.0, acc + (x == x ? 1.0f : 0.0f), acc + other, acc)
SUM32(prod, 1.0, acc *x, acc *other, acc)
EXTREME32(amax, -INFINITY, x, >)
EXTREME32(amin, INFINITY, x, <)

REDUCTION(sum)
REDUCTION(mean)
REDUCTION(nansum)
REDUCTION(count_numbers)
REDUCTION(prod)
REDUCTION(amax)
REDUCTION(amin)

/* ---- norms */

SUM32(norm_one, 0.0, acc + fabsf(x), acc + other, acc)
SUM32(norm_two, 0.0, acc + (double)x * x, acc + other, sqrt(acc))
SUM32(norm_three, 0.0, acc + (double)x * x * fabsf(x), acc + other, cbrt(acc))
EXTREME32(norm_largest, 0.0f, fabsf(x), >)
EXTREME32(norm_smallest, INFINITY, fabsf(x), <)

/* norm(x, dim, keepdim, ord) for the usual orders */
static PyObject *norm(PyObject *const *args, Py_ssize_t nargs)
{
    double ord = 2.0;
    if (nargs == 4 && !as_double(args[3], &ord)) DECLINE;
    const fold32 f = ord == 2.0         ? norm_two_loop
                     : ord == 1.0       ? norm_one_loop
                     : ord == 3.0       ? norm_three_loop
                     : ord == INFINITY  ? norm_largest_loop
                     : ord == -INFINITY ? norm_smallest_loop
                                        : NULL;
    if (!f || nargs > 4) DECLINE;
    return reduce_float32(f, args, nargs < 3 ? nargs : 3);
}

/* ---- both extremes */

static PyObject *aminmax(PyObject *const *args, Py_ssize_t nargs)
{
    PyObject *low = amin(args, nargs);
    if (!low || low == Py_NotImplemented) return low;
    PyObject *high = amax(args, nargs), *both = high ? PyTuple_Pack(2, low, high) : NULL;
    Py_DECREF(low);
    Py_XDECREF(high);
    return both;
}

/* ---- variance, in two passes */

typedef struct {
    double left;    /* what the squares are divided by */
    int root;       /* the deviation instead */
    float *middles; /* where the means go; NULL: nowhere */
} Spread;

CLONES static void var_loop(const float *from, float *to, const Span *s, const Spread *how)
{
    const npy_intp n = s->n, inner = s->inner;
    float *middles = how->middles;
    for (npy_intp o = 0; inner == 1 && o < s->outer; o++, from += n) {
        const double middle = sum_row(from, n) / (double)n;
        const double made = sum_squares_row(from, n, middle) / how->left;
        to[o] = (float)(how->root ? sqrt(made) : made);
        if (middles) middles[o] = (float)middle;
    }
    for (npy_intp o = 0; inner > 1 && o < s->outer; o++, from += n * inner)
        for (npy_intp c = 0; c < inner; c += WIDTH) {
            const int wide = inner - c < WIDTH ? (int)(inner - c) : WIDTH;
            double middle[WIDTH] = {0.0}, squares[WIDTH] = {0.0};
            for (npy_intp i = 0; i < n; i++)
                for (int j = 0; j < wide; j++) middle[j] += (double)from[i * inner + c + j];
            for (int j = 0; j < wide; j++) middle[j] /= (double)n;
            for (npy_intp i = 0; i < n; i++)
                for (int j = 0; j < wide; j++)
                    squares[j] += square((double)from[i * inner + c + j] - middle[j]);
            for (int j = 0; j < wide; j++) {
                const double made = squares[j] / how->left;
                to[o * inner + c + j] = (float)(how->root ? sqrt(made) : made);
                if (middles) middles[o * inner + c + j] = (float)middle[j];
            }
        }
}

/* var(x, dim, keepdim, correction) and what is made of it */
static PyObject *var_like(PyObject *const *args, Py_ssize_t nargs, int root, int with_mean)
{
    Span s;
    int keepdim = 0;
    double correction = 1.0;
    if (nargs < 1 || nargs > 4 || !is_dense(args[0], NPY_FLOAT32)) DECLINE;
    if (!span_of(args[0], nargs > 1 ? args[1] : Py_None, &s)) DECLINE;
    if (nargs > 2 && !as_flag(args[2], &keepdim)) DECLINE;
    if (nargs > 3 && !as_double(args[3], &correction)) DECLINE;
    float value[2];
    const int one = !keepdim && s.count == PyArray_NDIM(ARRAY(args[0]));
    PyObject *made = one ? NULL : new_reduced(args[0], &s, keepdim), *middles = NULL;
    if (!one && with_mean) middles = new_reduced(args[0], &s, keepdim);
    if (!one && (!made || (with_mean && !middles))) {
        Py_XDECREF(made);
        Py_XDECREF(middles);
        return NULL;
    }
    const double left = (double)s.n - correction;
    const Spread how = {left > 0.0 ? left : 0.0, root,
                        !with_mean ? NULL
                        : one      ? value + 1
                                   : DATA(float, middles)};
    THREADS_BEGIN(SIZE(args[0]));
    var_loop(DATA(float, args[0]), one ? value : DATA(float, made), &s, &how);
    THREADS_END;
    if (one) made = scalar(value[0]);
    if (!with_mean) return made;
    if (one) middles = scalar(value[1]);
    PyObject *both = made && middles ? PyTuple_Pack(2, made, middles) : NULL;
    Py_XDECREF(made);
    Py_XDECREF(middles);
    return both;
}

static PyObject *var(PyObject *const *args, Py_ssize_t nargs)
{ return var_like(args, nargs, 0, 0); }

static PyObject *std(PyObject *const *args, Py_ssize_t nargs)
{ return var_like(args, nargs, 1, 0); }

static PyObject *var_mean(PyObject *const *args, Py_ssize_t nargs)
{ return var_like(args, nargs, 0, 1); }

static PyObject *std_mean(PyObject *const *args, Py_ssize_t nargs)
{ return var_like(args, nargs, 1, 1); }

/* ---- log of a sum of exponentials */

#define PIECE 1024 /* exponentials kept at a time */

INLINE double sum_exp_row(const float *x, npy_intp n, float top)
{
    double total = 0.0;
    float e[PIECE];
    for (npy_intp at = 0; at < n; at += PIECE) {
        const npy_intp m = n - at < PIECE ? n - at : PIECE;
        for (npy_intp i = 0; i < m; i++) e[i] = exp32(x[at + i] - top);
        total += sum_row(e, m);
    }
    return total;
}

/* the peak, 0 where it is infinite */
INLINE float or_zero(float top)
{ return top - top == 0.0f ? top : 0.0f; }

CLONES static void logsumexp_loop(const float *from, float *to, const Span *s)
{
    const npy_intp n = s->n, inner = s->inner;
    for (npy_intp o = 0; inner == 1 && o < s->outer; o++, from += n) {
        const float top = or_zero(largest_row(from, n));
        to[o] = (float)(log(sum_exp_row(from, n, top)) + top);
    }
    for (npy_intp o = 0; inner > 1 && o < s->outer; o++, from += n * inner)
        for (npy_intp c = 0; c < inner; c += WIDTH) {
            const int wide = inner - c < WIDTH ? (int)(inner - c) : WIDTH;
            float top[WIDTH];
            double total[WIDTH] = {0.0};
            for (int j = 0; j < wide; j++) top[j] = -INFINITY;
            for (npy_intp i = 0; i < n; i++)
                for (int j = 0; j < wide; j++) {
                    const float x = from[i * inner + c + j];
                    top[j] = x > top[j] ? x : top[j];
                }
            for (int j = 0; j < wide; j++) top[j] = or_zero(top[j]);
            for (npy_intp i = 0; i < n; i++)
                for (int j = 0; j < wide; j++) total[j] += exp32(from[i * inner + c + j] - top[j]);
            for (int j = 0; j < wide; j++) to[o * inner + c + j] = (float)(log(total[j]) + top[j]);
        }
}

REDUCTION(logsumexp)

/* ---- log of the running sum of exponentials */

/* One step in double precision: s e^m is the sum so far. */
INLINE double add_exp(double x, double *m, double *s)
{
    if (x > *m) {
        *s = *s * exp(*m - x) + 1.0;
        *m = x;
    } else *s += x == *m ? 1.0 : exp(x - *m);
    return *m + log(*s);
}

/* The same along rows whose numbers are no more than `NEAR` below the largest, so that all
   exponentials are normal numbers of single precision, which come many at a time. */
#define NEAR 80.0f

CLONES static void logcumsumexp_loop(const float *from, float *to, const Span *span)
{
    const npy_intp n = span->n, inner = span->inner;
    float e[PIECE];
    for (npy_intp o = 0; o < span->outer; o++, from += n * inner, to += n * inner)
        for (npy_intp c = 0; c < inner; c += WIDTH) {
            const int wide = inner - c < WIDTH ? (int)(inner - c) : WIDTH;
            float top[WIDTH];
            double m[WIDTH], total[WIDTH] = {0.0};
            int far = 0;
            for (int j = 0; j < wide; j++) {
                top[j] = inner == 1 ? largest_row(from, n) : -INFINITY;
                m[j] = -INFINITY;
            }
            for (npy_intp i = 0; inner > 1 && i < n; i++)
                for (int j = 0; j < wide; j++) {
                    const float x = from[i * inner + c + j];
                    top[j] = x > top[j] ? x : top[j];
                }
            for (npy_intp i = 0; i < n; i++)
                for (int j = 0; j < wide; j++) far |= !(from[i * inner + c + j] - top[j] > -NEAR);
            for (npy_intp i = 0; i < n; i++) {
                const float *x = from + i * inner + c;
                float *y = to + i * inner + c;
                if (far) {
                    for (int j = 0; j < wide; j++) y[j] = (float)add_exp(x[j], m + j, total + j);
                    continue;
                }
                if (inner > 1)
                    for (int j = 0; j < wide; j++) e[j] = exp32(x[j] - top[j]);
                else if (i % PIECE == 0) /* of a row: those of the places that follow */
                    for (npy_intp k = 0; k < PIECE && i + k < n; k++) e[k] = exp32(x[k] - top[0]);
                for (int j = 0; j < wide; j++) {
                    total[j] += e[inner > 1 ? j : i % PIECE];
                    y[j] = (float)(log(total[j]) + top[j]);
                }
            }
        }
}

/* logcumsumexp(x, dim) */
static PyObject *logcumsumexp(PyObject *const *args, Py_ssize_t nargs)
{
    Span s;
    if (nargs != 2 || !is_dense(args[0], NPY_FLOAT32) || !PyLong_CheckExact(args[1])) DECLINE;
    if (!span_of(args[0], args[1], &s)) DECLINE;
    PyObject *y = NEW_LIKE(args[0]);
    if (!y) return NULL;
    THREADS_BEGIN(SIZE(y));
    logcumsumexp_loop(DATA(float, args[0]), DATA(float, y), &s);
    THREADS_END;
    return y;
}

/* ---- derivatives: g, and what else has one number for each sum, in any shape */

/* n numbers in the order of C: a float32 array (a new reference, perhaps a copy) or, for n 1, a
   NumPy scalar, which goes to `one`; 0 for everything else */
static int as_numbers(PyObject *o, npy_intp n, float *one, PyObject **held, const float **data)
{
    *held = NULL;
    if (n == 1 && PyArray_IsScalar(o, Float)) {
        *one = ((PyFloatScalarObject *)o)->obval;
        *data = one;
        return 1;
    }
    if (PyArray_CheckExact(o) && PyArray_NDIM(ARRAY(o)) == 0 && n == 1
        && PyArray_TYPE(ARRAY(o)) == NPY_FLOAT32 && PyArray_ISBEHAVED_RO(ARRAY(o)))
        *held = Py_NewRef(o);
    else *held = as_dense(o);
    if (!*held) return 0;
    *data = DATA(float, *held);
    return SIZE(*held) == n;
}

typedef struct {
    Span span;
    const float *x, *numbers[3]; /* numbers[i]: one for each sum, or NULL */
    float *gx;
    double left, ord;
} Back;

typedef void (*back32)(const Back *b);

/* gx like x, from up to three operands with a number for each sum (None: NULL) */
static PyObject *back_of(back32 f, Back *b, PyObject *x, PyObject *dim, PyObject *const *operands,
                         int count)
{
    PyObject *held[3] = {NULL}, *gx = NULL;
    float one[3];
    int fits = is_dense(x, NPY_FLOAT32) && span_of(x, dim, &b->span);
    for (int i = 0; fits && i < count; i++) {
        b->numbers[i] = NULL;
        if (operands[i] != Py_None)
            fits = as_numbers(operands[i], b->span.outer * b->span.inner, one + i, held + i,
                              b->numbers + i);
    }
    if (fits && (gx = NEW_LIKE(x))) {
        b->x = DATA(float, x);
        b->gx = DATA(float, gx);
        THREADS_BEGIN(SIZE(x));
        f(b);
        THREADS_END;
    }
    for (int i = 0; i < count; i++) Py_XDECREF(held[i]);
    if (!fits) DECLINE;
    return gx;
}

/* BLOCKS(b, k, x, gx, wide): WIDTH sums at most, of which the first has number k, and where their
   elements begin; one sum at a time if these are rows */
#define BLOCKS(b, k, x, gx, wide)                                                                  \
    const npy_intp n = (b)->span.n, inner = (b)->span.inner;                                       \
    int wide;                                                                                      \
    npy_intp k = 0;                                                                                \
    for (npy_intp o_ = 0; o_ < (b)->span.outer; o_++)                                              \
        for (npy_intp c_ = 0; c_ < inner; c_ += WIDTH, k += wide) {                                \
            wide = inner - c_ < WIDTH ? (int)(inner - c_) : WIDTH;                                 \
            const float *x = (b)->x + o_ * n * inner + c_;                                         \
            float *gx = (b)->gx + o_ * n * inner + c_;
#define BLOCKS_END }

/* EACH(v, j, at, action): the action for every element v of a block, of sum j, at its place */
#define EACH(v, j, at, action)                                                                     \
    if (inner == 1) {                                                                              \
        const int j = 0;                                                                           \
        for (npy_intp at = 0; at < n; at++) {                                                      \
            const float v = x[at];                                                                 \
            action;                                                                                \
        }                                                                                          \
    } else                                                                                         \
        for (npy_intp i_ = 0; i_ < n; i_++)                                                        \
            for (int j = 0; j < wide; j++) {                                                       \
                const npy_intp at = i_ * inner + j;                                                \
                const float v = x[at];                                                             \
                action;                                                                            \
            }

/* The mean of WIDTH columns at most. */
INLINE void column_means(const float *x, npy_intp n, npy_intp inner, int wide, float *middle)
{
    double total[WIDTH] = {0.0};
    for (npy_intp i = 0; i < n; i++)
        for (int j = 0; j < wide; j++) total[j] += x[i * inner + j];
    for (int j = 0; j < wide; j++) middle[j] = (float)(total[j] / (double)n);
}

/* numbers: the cotangents of the variance (or deviation) and of the mean, and the deviation */
CLONES static void var_back_loop(const Back *b)
{
    const float *g = b->numbers[0], *of_mean = b->numbers[1], *root = b->numbers[2];
    BLOCKS(b, k, x, gx, wide)
    float middle[WIDTH], factor[WIDTH], shift[WIDTH];
    if (inner == 1) middle[0] = (float)(sum_row(x, n) / (double)n);
    else column_means(x, n, inner, wide, middle);
    for (int j = 0; j < wide; j++) {
        double f = g ? g[k + j] * 2.0 / b->left : 0.0;
        if (root) f = root[k + j] == 0.0f ? 0.0 : f / (2.0 * root[k + j]);
        factor[j] = (float)f;
        shift[j] = of_mean ? (float)(of_mean[k + j] / (double)n) : 0.0f;
    }
    EACH(v, j, at, gx[at] = (v - middle[j]) * factor[j] + shift[j])
    BLOCKS_END
}

/* var_back(g, of_mean, x, root, dim, correction) */
static PyObject *var_back(PyObject *const *args, Py_ssize_t nargs)
{
    Back b;
    double correction;
    if (nargs != 6 || !as_double(args[5], &correction)) DECLINE;
    PyObject *operands[] = {args[0], args[1], args[3]};
    if (!is_dense(args[2], NPY_FLOAT32) || !span_of(args[2], args[4], &b.span)) DECLINE;
    b.left = (double)b.span.n - correction;
    if (b.left <= 0.0) DECLINE;
    return back_of(var_back_loop, &b, args[2], args[4], operands, 3);
}

INLINE int tied(float v, float extreme)
{ return (v == extreme) | ((v != v) & (extreme != extreme)); }

/* sgn(v) pull; NaN for NaN */
INLINE float signed_as(float v, float pull)
{ return v > 0.0f ? pull : v < 0.0f ? -pull : v * pull; }

/* numbers: the cotangent and the extreme, which ties share */
CLONES static void extreme_back_loop(const Back *b)
{
    const float *g = b->numbers[0], *extreme = b->numbers[1];
    BLOCKS(b, k, x, gx, wide)
    int ties[WIDTH] = {0};
    float share[WIDTH];
    EACH(v, j, at, ties[j] += tied(v, extreme[k + j]); (void)at)
    for (int j = 0; j < wide; j++) share[j] = g[k + j] / (float)ties[j];
    EACH(v, j, at, gx[at] = tied(v, extreme[k + j]) ? share[j] : 0.0f)
    BLOCKS_END
}

/* the same of |x| */
CLONES static void size_back_loop(const Back *b)
{
    const float *g = b->numbers[0], *extreme = b->numbers[1];
    BLOCKS(b, k, x, gx, wide)
    int ties[WIDTH] = {0};
    float share[WIDTH];
    EACH(v, j, at, ties[j] += tied(fabsf(v), extreme[k + j]); (void)at)
    for (int j = 0; j < wide; j++) share[j] = g[k + j] / (float)ties[j];
    EACH(v, j, at, gx[at] = signed_as(v, tied(fabsf(v), extreme[k + j]) ? share[j] : 0.0f))
    BLOCKS_END
}

/* extreme_back(g, x, out, dim) */
static PyObject *extreme_back(PyObject *const *args, Py_ssize_t nargs)
{
    Back b;
    if (nargs != 4 || args[0] == Py_None || args[2] == Py_None) DECLINE;
    PyObject *operands[] = {args[0], args[2]};
    return back_of(extreme_back_loop, &b, args[1], args[3], operands, 2);
}

/* numbers: the cotangent and the norm; where that is 0, nothing */
CLONES static void norm_back_loop(const Back *b)
{
    const float *g = b->numbers[0], *out = b->numbers[1];
    const double ord = b->ord;
    BLOCKS(b, k, x, gx, wide)
    float size[WIDTH], pull[WIDTH];
    for (int j = 0; j < wide; j++) {
        const int nothing = out[k + j] == 0.0f && ord != 1.0;
        size[j] = nothing ? 1.0f : out[k + j];
        pull[j] = nothing ? 0.0f : g[k + j];
    }
    if (ord == 1.0) {
        EACH(v, j, at, gx[at] = signed_as(v, pull[j]))
    } else if (ord == 2.0) {
        EACH(v, j, at, gx[at] = v / size[j] * pull[j])
    } else {
        EACH(v, j, at, gx[at] = v / size[j] * (fabsf(v) / size[j]) * pull[j])
    }
    BLOCKS_END
}

/* norm_back(g, x, out, dim, ord) */
static PyObject *norm_back(PyObject *const *args, Py_ssize_t nargs)
{
    Back b;
    if (nargs != 5 || args[0] == Py_None || args[2] == Py_None) DECLINE;
    if (!as_double(args[4], &b.ord)) DECLINE;
    const int infinite = isinf(b.ord);
    if (!infinite && b.ord != 1.0 && b.ord != 2.0 && b.ord != 3.0) DECLINE;
    PyObject *operands[] = {args[0], args[2]};
    return back_of(infinite ? size_back_loop : norm_back_loop, &b, args[1], args[3], operands, 2);
}

const Row sums_rows[] = {
    {"reduce.sum", sum},
    {"reduce.mean", mean},
    {"reduce.nansum", nansum},
    {"reduce.count_numbers", count_numbers},
    {"reduce.prod", prod},
    {"reduce.amax", amax},
    {"reduce.amin", amin},
    {"reduce.aminmax", aminmax},
    {"reduce.norm", norm},
    {"reduce.var", var},
    {"reduce.std", std},
    {"reduce.var_mean", var_mean},
    {"reduce.std_mean", std_mean},
    {"reduce.logsumexp", logsumexp},
    {"reduce.logcumsumexp", logcumsumexp},
    {"reduce.var_back", var_back},
    {"reduce.extreme_back", extreme_back},
    {"reduce.norm_back", norm_back},
    {NULL, NULL},
};
