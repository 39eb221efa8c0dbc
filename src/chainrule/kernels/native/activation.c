/* Activation functions of float32 (kernels/activation.py), and elementwise functions that are made
   of the same: sigmoid and logit (kernels/elementwise.py), erf and its relatives
   (kernels/special.py). */

#include "vector_math.h"
#include <numpy/arrayscalars.h>

/* ---- functions without parameters */

#define ROOT_HALF 0.70710678118654752f
#define TANH_SCALE 0.79788456080286536f /* sqrt(2/pi) */
#define CUBIC 0.044715f

/* The normal distribution at -|x|, from the density without its constant, which is near 0. */
INLINE float normal_tail(float x, float *density)
{
    const float a = at_most32(size32(x), 15.0f); /* there the density is 0 */
    *density = gauss32(a, 0.5f);
    return 0.5f * *density * erfc_scaled32(a * ROOT_HALF);
}

INLINE float gelu_by_erf(float x)
{
    float density;
    const float tail = normal_tail(x, &density);
    return x * (x < 0.0f ? tail : 1.0f - tail);
}

/* (1 + tanh(u))/2 is sigmoid(2u) */
INLINE float gelu_by_tanh(float x)
{
    const float u = TANH_SCALE * (x + CUBIC * (x * x * x));
    return x / (1.0f + exp32(-2.0f * u));
}

/* With e = exp(x), tanh(log(1 + e)) is e (e + 2)/(e (e + 2) + 2). */
INLINE float mish_of(float x)
{
    const float e = exp32(at_most32(x, 20.0f));
    const float n = e * (e + 2.0f);
    return x * (n / (n + 2.0f));
}

INLINE float between32(float x, float low, float high)
{ return at_most32(at_least32(x, low), high); }

MAP32(silu, x / (1.0f + exp32(-x)))
MAP32(mish, mish_of(x))
MAP32(log_sigmoid, log_sigmoid32(x))
MAP32(hardsigmoid, between32(x + 3.0f, 0.0f, 6.0f) / 6.0f)
MAP32(hardswish, between32(x + 3.0f, 0.0f, 6.0f) * x / 6.0f)
MAP32(sigmoid, sigmoid32(x))
MAP32(erf_kernel, erf32(x))
MAP32(erfc_kernel, erfc32(x))
MAP32(erfinv, erfinv32(x))
MAP32(gelu_erf, gelu_by_erf(x))
MAP32(gelu_tanh, gelu_by_tanh(x))

/* gelu(x, approximate) */
static PyObject *gelu(PyObject *const *args, Py_ssize_t nargs)
{
    if (nargs == 2 && PyUnicode_CheckExact(args[1])) {
        if (PyUnicode_CompareWithASCIIString(args[1], "none") == 0) return gelu_erf(args, 1);
        if (PyUnicode_CompareWithASCIIString(args[1], "tanh") == 0) return gelu_tanh(args, 1);
    }
    DECLINE;
}

/* ---- functions with numbers as parameters */

#define MOST 3

typedef void (*map32_with)(const float *from, float *to, npy_intp n, const double *p);

static PyObject *map_with(map32_with f, int count, PyObject *const *args, Py_ssize_t nargs)
{
    double p[MOST];
    if (nargs != 1 + count || !is_dense(args[0], NPY_FLOAT32)) DECLINE;
    for (int i = 0; i < count; i++)
        if (!as_double(args[1 + i], &p[i])) DECLINE;
    PyObject *y = NEW_LIKE(args[0]);
    if (!y) return NULL;
    const npy_intp n = SIZE(y);
    THREADS_BEGIN(n);
    f(DATA(float, args[0]), DATA(float, y), n, p);
    THREADS_END;
    return y;
}

/* MAP32_WITH(name, count, names, expression): of x and so many numbers p, which get names. */
#define MAP32_WITH(name, count, names, expression)                                                 \
    CLONES static void name##_loop(const float *from, float *to, npy_intp n, const double *p)      \
    {                                                                                              \
        const float names;                                                                         \
        for (npy_intp i = 0; i < n; i++) {                                                         \
            const float x = from[i];                                                               \
            to[i] = (expression);                                                                  \
        }                                                                                          \
    }                                                                                              \
    static PyObject *name(PyObject *const *args, Py_ssize_t nargs)                                 \
    { return map_with(name##_loop, count, args, nargs); }

#define ONE(a) a = (float)p[0]
#define TWO(a, b) a = (float)p[0], b = (float)p[1]

MAP32_WITH(hardtanh, 2, TWO(low, high), between32(x, low, high))
MAP32_WITH(threshold, 2, TWO(limit, value), x <= limit ? value : x)
MAP32_WITH(leaky_relu, 1, ONE(slope), x > 0.0f ? x : x * slope)
MAP32_WITH(hardshrink, 1, ONE(lambd), size32(x) <= lambd ? 0.0f : x)
MAP32_WITH(softshrink, 1, ONE(lambd), x - between32(x, -lambd, lambd))
MAP32_WITH(softplus, 2, TWO(beta, limit), x *beta > limit ? x : softplus32(x * beta) / beta)

/* elu(x, alpha, scale, input_scale) */
#define ELU(alpha, scale, inner)                                                                   \
    low = (float)(p[0] * p[1]), scale = (float)p[1], inner = (float)p[2]
MAP32_WITH(elu, 3, ELU(alpha, scale, inner), x <= 0.0f ? low * expm1_32(x * inner) : scale * x)

#define LOGIT(low, high) low = (float)p[0], high = 1.0f - (float)p[0]
INLINE float logit_of(float x)
{ return log32(x / (1.0f - x)); }
MAP32(logit_plain, logit_of(x))
MAP32_WITH(logit_between, 1, LOGIT(low, high), logit_of(between32(x, low, high)))

/* logit(x, eps): x between eps and 1 - eps, or as it is */
static PyObject *logit(PyObject *const *args, Py_ssize_t nargs)
{
    if (nargs == 1 || (nargs == 2 && args[1] == Py_None)) return logit_plain(args, 1);
    double eps;
    if (nargs != 2 || !as_double(args[1], &eps) || !(eps <= 0.5)) DECLINE;
    return logit_between(args, 2);
}

/* ---- functions of two arrays */

CLONES static void slopes_loop(const float *from, float *to, npy_intp n, float slope)
{
    for (npy_intp i = 0; i < n; i++) to[i] = from[i] > 0.0f ? from[i] : from[i] * slope;
}

static PyObject *prelu_of_one(PyObject *a, float slope)
{
    if (!is_dense(a, NPY_FLOAT32)) DECLINE;
    PyObject *y = NEW_LIKE(a);
    if (!y) return NULL;
    const npy_intp n = SIZE(a);
    THREADS_BEGIN(n);
    slopes_loop(DATA(float, a), DATA(float, y), n, slope);
    THREADS_END;
    return y;
}

/* prelu(a, b): b is one number, or one for each place of one axis of a */
static PyObject *prelu(PyObject *const *args, Py_ssize_t nargs)
{
    if (nargs == 2 && PyArray_IsScalar(args[1], Float))
        return prelu_of_one(args[0], PyArrayScalar_VAL(args[1], Float));
    if (nargs != 2 || !is_dense(args[0], NPY_FLOAT32) || !PyArray_CheckExact(args[1])) DECLINE;
    PyObject *a = args[0], *b = args[1];
    const int nd = PyArray_NDIM(ARRAY(a)), less = nd - PyArray_NDIM(ARRAY(b));
    const npy_intp *shape = PyArray_DIMS(ARRAY(a)), slopes = SIZE(b), n = SIZE(a);
    if (PyArray_TYPE(ARRAY(b)) != NPY_FLOAT32 || !PyArray_ISCARRAY_RO(ARRAY(b)) || less < 0)
        DECLINE;
    npy_intp inner = n, outer = 1;
    if (slopes != 1) { /* the axis of b that is not 1 is one of a */
        int axis = 0;
        while (axis < nd - less && PyArray_DIM(ARRAY(b), axis) == 1) axis++;
        if (axis == nd - less || PyArray_DIM(ARRAY(b), axis) != slopes || slopes == 0) DECLINE;
        if (shape[axis + less] != slopes) DECLINE;
        inner = 1;
        for (int i = axis + less + 1; i < nd; i++) inner *= shape[i];
        outer = inner ? n / (inner * slopes) : 0;
    }
    PyObject *y = NEW_LIKE(a);
    if (!y) return NULL;
    const float *from = DATA(float, a), *slope = DATA(float, b);
    float *to = DATA(float, y);
    THREADS_BEGIN(n);
    for (npy_intp o = 0; o < outer; o++)
        for (npy_intp c = 0; c < slopes; c++, from += inner, to += inner)
            slopes_loop(from, to, inner, slope[c]);
    THREADS_END;
    return y;
}

CLONES static void glu_loop(const float *a, const float *b, float *to, npy_intp n)
{
    for (npy_intp i = 0; i < n; i++) to[i] = a[i] / (1.0f + exp32(-b[i]));
}

/* glu(x, dim): the first half times the sigmoid of the second */
static PyObject *glu(PyObject *const *args, Py_ssize_t nargs)
{
    npy_intp dim, shape[NPY_MAXDIMS], half = 1, outer = 1;
    if (nargs != 2 || !is_dense(args[0], NPY_FLOAT32) || !as_index(args[1], &dim)) DECLINE;
    const int nd = PyArray_NDIM(ARRAY(args[0]));
    if (dim < 0 || dim >= nd) DECLINE;
    for (int i = 0; i < nd; i++) {
        shape[i] = PyArray_DIM(ARRAY(args[0]), i);
        if (i == dim) shape[i] /= 2;
        if (i < dim) outer *= shape[i];
        else half *= shape[i];
    }
    if (2 * outer * half != SIZE(args[0])) DECLINE;
    PyObject *y = new_array(nd, shape, NPY_FLOAT32);
    if (!y) return NULL;
    const float *from = DATA(float, args[0]);
    float *to = DATA(float, y);
    THREADS_BEGIN(outer * half);
    for (npy_intp o = 0; o < outer; o++, from += 2 * half, to += half)
        glu_loop(from, from + half, to, half);
    THREADS_END;
    return y;
}

/* ---- derivatives: the cotangent g times the slope at x */

typedef void (*back32)(const float *g, npy_intp step, const float *from, float *to, npy_intp n,
                       const double *p);

/* Whether g is a float32 array of the shape of x that can be read in steps of 1, or of 0: one
   number broadcast, which is what the sum of a loss hands back. */
static int steps_of(PyObject *g, PyObject *x, npy_intp *step)
{
    if (!is_array(g, NPY_FLOAT32) || !SAME_SHAPE(g, x)) return 0;
    *step = PyArray_IS_C_CONTIGUOUS(ARRAY(g));
    for (int i = 0; i < PyArray_NDIM(ARRAY(g)) && !*step; i++)
        if (PyArray_STRIDE(ARRAY(g), i) != 0) return 0;
    return 1;
}

static PyObject *back_with(back32 f, int count, PyObject *const *args, Py_ssize_t nargs)
{
    double p[MOST];
    npy_intp step;
    if (nargs != 2 + count || !is_dense(args[1], NPY_FLOAT32)) DECLINE;
    if (!steps_of(args[0], args[1], &step)) DECLINE;
    for (int i = 0; i < count; i++)
        if (!as_double(args[2 + i], &p[i])) DECLINE;
    PyObject *y = NEW_LIKE(args[1]);
    if (!y) return NULL;
    const npy_intp n = SIZE(y);
    THREADS_BEGIN(n);
    f(DATA(float, args[0]), step, DATA(float, args[1]), DATA(float, y), n, p);
    THREADS_END;
    return y;
}

/* BACK32(name, count, names, expression): of g and x and so many numbers p, which get names. */
#define BACK32(name, count, names, expression)                                                     \
    CLONES static void name##_loop(const float *back, npy_intp step, const float *from, float *to, \
                                   npy_intp n, const double *p)                                    \
    {                                                                                              \
        names;                                                                                     \
        if (step == 0 && n) {                                                                      \
            const float g = *back;                                                                 \
            for (npy_intp i = 0; i < n; i++) {                                                     \
                const float x = from[i];                                                           \
                to[i] = (expression);                                                              \
            }                                                                                      \
            return;                                                                                \
        }                                                                                          \
        for (npy_intp i = 0; i < n; i++) {                                                         \
            const float x = from[i], g = back[i];                                                  \
            to[i] = (expression);                                                                  \
        }                                                                                          \
    }                                                                                              \
    static PyObject *name(PyObject *const *args, Py_ssize_t nargs)                                 \
    { return back_with(name##_loop, count, args, nargs); }

#define NOTHING (void)p
#define INV_ROOT_2_PI 0.39894228040143268f

INLINE float silu_slope(float x)
{
    const float s = sigmoid32(x);
    return s * (1.0f + x * (1.0f - s));
}

INLINE float mish_slope(float x)
{
    const float e = exp32(at_most32(x, 20.0f));
    const float n = e * (e + 2.0f), t = n / (n + 2.0f);
    return t + x * (e / (1.0f + e)) * (1.0f - t * t);
}

INLINE float gelu_erf_slope(float x)
{
    float density;
    const float tail = normal_tail(x, &density);
    return (x < 0.0f ? tail : 1.0f - tail) + x * (density * INV_ROOT_2_PI);
}

INLINE float gelu_tanh_slope(float x)
{
    const float square = x * x;
    const float s = sigmoid32(2.0f * TANH_SCALE * x * (1.0f + CUBIC * square));
    return s + x * (s * (1.0f - s)) * (2.0f * TANH_SCALE * (1.0f + 3.0f * CUBIC * square));
}

BACK32(silu_back, 0, NOTHING, g *silu_slope(x))
BACK32(mish_back, 0, NOTHING, g *mish_slope(x))
BACK32(gelu_erf_back, 0, NOTHING, g *gelu_erf_slope(x))
BACK32(gelu_tanh_back, 0, NOTHING, g *gelu_tanh_slope(x))
BACK32(hardsigmoid_back, 0, NOTHING, (x > -3.0f) & (x < 3.0f) ? g / 6.0f : 0.0f)
BACK32(hardswish_back, 0, NOTHING, x <= -3.0f ? 0.0f : x < 3.0f ? g * (x / 3.0f + 0.5f) : g)
BACK32(elu_back, 3, const float ELU(alpha, scale, inner),
       g *(x <= 0.0f ? low * inner * exp32(x * inner) : scale))

/* gelu_back(g, x, approximate) */
static PyObject *gelu_back(PyObject *const *args, Py_ssize_t nargs)
{
    if (nargs == 3 && PyUnicode_CheckExact(args[2])) {
        if (PyUnicode_CompareWithASCIIString(args[2], "none") == 0) return gelu_erf_back(args, 2);
        if (PyUnicode_CompareWithASCIIString(args[2], "tanh") == 0) return gelu_tanh_back(args, 2);
    }
    DECLINE;
}

CLONES static void glu_back_loop(const float *g, npy_intp step, const float *a, const float *b,
                                 float *to_a, float *to_b, npy_intp n)
{
    for (npy_intp i = 0; i < n; i++) {
        const float s = sigmoid32(b[i]);
        to_a[i] = s;
        to_b[i] = a[i] * (s * (1.0f - s));
    }
    for (npy_intp i = 0; i < n; i++) to_a[i] *= g[i * step];
    for (npy_intp i = 0; i < n; i++) to_b[i] *= g[i * step];
}

/* glu_back(g, x, dim) */
static PyObject *glu_back(PyObject *const *args, Py_ssize_t nargs)
{
    npy_intp dim, half = 1, outer = 1;
    if (nargs != 3 || !is_dense(args[1], NPY_FLOAT32) || !as_index(args[2], &dim)) DECLINE;
    const int nd = PyArray_NDIM(ARRAY(args[1]));
    if (!is_array(args[0], NPY_FLOAT32) || PyArray_NDIM(ARRAY(args[0])) != nd) DECLINE;
    if (dim < 0 || dim >= nd) DECLINE;
    const npy_intp *shape = PyArray_DIMS(ARRAY(args[0]));
    npy_intp step = PyArray_IS_C_CONTIGUOUS(ARRAY(args[0]));
    for (int i = 0; i < nd; i++) {
        if (shape[i] * (1 + (i == dim)) != PyArray_DIM(ARRAY(args[1]), i)) DECLINE;
        if (!step && PyArray_STRIDE(ARRAY(args[0]), i) != 0) DECLINE;
        if (i < dim) outer *= shape[i];
        else half *= shape[i];
    }
    PyObject *y = NEW_LIKE(args[1]);
    if (!y) return NULL;
    const float *g = DATA(float, args[0]), *from = DATA(float, args[1]);
    float *to = DATA(float, y);
    THREADS_BEGIN(outer * half);
    for (npy_intp o = 0; o < outer; o++, from += 2 * half, to += 2 * half, g += step * half)
        glu_back_loop(g, step, from, from + half, to, to + half, half);
    THREADS_END;
    return y;
}

const Row activation_rows[] = {
    {"activation.elu", elu},
    {"activation.elu_back", elu_back},
    {"activation.gelu", gelu},
    {"activation.gelu_back", gelu_back},
    {"activation.glu", glu},
    {"activation.glu_back", glu_back},
    {"activation.hardshrink", hardshrink},
    {"activation.hardsigmoid", hardsigmoid},
    {"activation.hardsigmoid_back", hardsigmoid_back},
    {"activation.hardswish", hardswish},
    {"activation.hardswish_back", hardswish_back},
    {"activation.hardtanh", hardtanh},
    {"activation.leaky_relu", leaky_relu},
    {"activation.log_sigmoid", log_sigmoid},
    {"activation.mish", mish},
    {"activation.mish_back", mish_back},
    {"activation.prelu", prelu},
    {"activation.silu", silu},
    {"activation.silu_back", silu_back},
    {"activation.softplus", softplus},
    {"activation.softshrink", softshrink},
    {"activation.threshold", threshold},
    {"elementwise.logit", logit},
    {"elementwise.sigmoid", sigmoid},
    {"special.erf", erf_kernel},
    {"special.erfc", erfc_kernel},
    {"special.erfinv", erfinv},
    {NULL, NULL},
};
