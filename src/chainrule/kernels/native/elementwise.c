/* Elementwise functions that NumPy has in several passes, or one number after the other:
   kernels/elementwise.py, kernels/masks.py and kernels/writing.py. */

#include <math.h>
#include "vector_math.h"

/* The function of the C library for the type of x. */
#define OF_TYPE(x, name) _Generic((x), float: name##f, double: name)(x)

/* ---- the shapes of calls: in an expression, Type is that of the operands */

#define LOOP1(name, type, expression)                                                              \
    CLONES static void name##_##type(const type *from, type *to, npy_intp n)                       \
    {                                                                                              \
        typedef type Type;                                                                         \
        for (npy_intp i = 0; i < n; i++) {                                                         \
            const Type x = from[i];                                                                \
            to[i] = (expression);                                                                  \
        }                                                                                          \
    }

/* A dense array of float32 or float64 through one of two loops. */
#define RUN1(x, name)                                                                              \
    do {                                                                                           \
        const int is32 = is_dense(x, NPY_FLOAT32);                                                 \
        if (!is32 && !is_dense(x, NPY_FLOAT64)) DECLINE;                                           \
        PyObject *made = NEW_LIKE(x);                                                              \
        if (!made) return NULL;                                                                    \
        const npy_intp n = SIZE(x);                                                                \
        THREADS_BEGIN(n);                                                                          \
        if (is32) name##_float(DATA(float, x), DATA(float, made), n);                              \
        else name##_double(DATA(double, x), DATA(double, made), n);                                \
        THREADS_END;                                                                               \
        return made;                                                                               \
    } while (0)

/* One operand: the expression of x, which is right in both types. */
#define MAP1(name, expression)                                                                     \
    LOOP1(name, float, expression)                                                                 \
    LOOP1(name, double, expression)                                                                \
    static PyObject *name(PyObject *const *args, Py_ssize_t nargs)                                 \
    {                                                                                              \
        if (nargs != 1) DECLINE;                                                                   \
        RUN1(args[0], name);                                                                       \
    }

/* The second operand of a call: dense and of the first one's shape, or a number. */
typedef enum { STRANGE, ARRAY_TOO, NUMBER } Second;

INLINE Second second_operand(PyObject *x, PyObject *y, int type, double *number)
{
    if (PyArray_CheckExact(y)) {
        if (PyArray_TYPE(ARRAY(y)) != type || !PyArray_ISCARRAY_RO(ARRAY(y))) return STRANGE;
        if (PyArray_NDIM(ARRAY(y)) > 0) return SAME_SHAPE(x, y) ? ARRAY_TOO : STRANGE;
        *number = type == NPY_FLOAT32 ? (double)*DATA(float, y) : *DATA(double, y);
        return NUMBER;
    }
    return as_double(y, number) ? NUMBER : STRANGE;
}

#define LOOP2(name, type, expression)                                                              \
    CLONES static void name##_##type(const type *a, const type *b, type *to, npy_intp n)           \
    {                                                                                              \
        for (npy_intp i = 0; i < n; i++) {                                                         \
            const type x = a[i], y = b[i];                                                         \
            to[i] = (expression);                                                                  \
        }                                                                                          \
    }                                                                                              \
    CLONES static void name##_number_##type(const type *a, type y, type *to, npy_intp n)           \
    {                                                                                              \
        for (npy_intp i = 0; i < n; i++) {                                                         \
            const type x = a[i];                                                                   \
            to[i] = (expression);                                                                  \
        }                                                                                          \
    }

/* The same of a dense x, and y as `second_operand` takes it. */
#define RUN2(name, type)                                                                           \
    static PyObject *name##_of_##type(PyObject *x, PyObject *y, int number_type)                   \
    {                                                                                              \
        double number = 0.0;                                                                       \
        const Second kind = second_operand(x, y, number_type, &number);                            \
        if (kind == STRANGE) DECLINE;                                                              \
        PyObject *made = NEW_LIKE(x);                                                              \
        if (!made) return NULL;                                                                    \
        const npy_intp n = SIZE(x);                                                                \
        const type *from = DATA(type, x), *other = kind == NUMBER ? NULL : DATA(type, y);          \
        type *to = DATA(type, made);                                                               \
        THREADS_BEGIN(n);                                                                          \
        if (other) name##_##type(from, other, to, n);                                              \
        else name##_number_##type(from, (type)number, to, n);                                      \
        THREADS_END;                                                                               \
        return made;                                                                               \
    }

/* Two operands, the second perhaps a number: the expression of x and y, right in both types. */
#define MAP2(name, expression)                                                                     \
    LOOP2(name, float, expression)                                                                 \
    LOOP2(name, double, expression)                                                                \
    RUN2(name, float)                                                                              \
    RUN2(name, double)                                                                             \
    static PyObject *name(PyObject *const *args, Py_ssize_t nargs)                                 \
    {                                                                                              \
        if (nargs != 2) DECLINE;                                                                   \
        PyObject *x = args[0], *y = args[1];                                                       \
        if (is_dense(x, NPY_FLOAT32)) return name##_of_float(x, y, NPY_FLOAT32);                   \
        if (is_dense(x, NPY_FLOAT64)) return name##_of_double(x, y, NPY_FLOAT64);                  \
        DECLINE;                                                                                   \
    }

/* The same for float32 alone. */
#define MAP2_32(name, expression)                                                                  \
    LOOP2(name, float, expression)                                                                 \
    RUN2(name, float)                                                                              \
    static PyObject *name(PyObject *const *args, Py_ssize_t nargs)                                 \
    {                                                                                              \
        if (nargs != 2 || !is_dense(args[0], NPY_FLOAT32)) DECLINE;                                \
        return name##_of_float(args[0], args[1], NPY_FLOAT32);                                     \
    }

/* ---- roots, rounding, signs */

#define PI 3.14159265358979323846

MAP1(rsqrt, 1 / OF_TYPE(x, sqrt))
MAP1(reciprocal, 1 / x)
MAP1(sign, (x > 0) - (x < 0))
MAP1(frac, x - OF_TYPE(x, trunc))
MAP1(floor_kernel, OF_TYPE(x, floor))
MAP1(ceil_kernel, OF_TYPE(x, ceil))
MAP1(trunc_kernel, OF_TYPE(x, trunc))
MAP1(rint_kernel, OF_TYPE(x, rint))
MAP1(angle, x != x ? x : x < 0 ? (Type)PI : 0)

/* rint(x scale) / scale, or with a negative number of decimals rint(x / scale) scale */
#define ROUNDS(type, rint_)                                                                        \
    CLONES static void decimals_##type(const type *x, type scale, int fine, type *to, npy_intp n)  \
    {                                                                                              \
        if (fine)                                                                                  \
            for (npy_intp i = 0; i < n; i++) to[i] = rint_(x[i] * scale) / scale;                  \
        else                                                                                       \
            for (npy_intp i = 0; i < n; i++) to[i] = rint_(x[i] / scale) * scale;                  \
    }
ROUNDS(float, rintf)
ROUNDS(double, rint)

static PyObject *round_decimals(PyObject *const *args, Py_ssize_t nargs)
{
    npy_intp decimals;
    if (nargs != 2 || !as_index(args[1], &decimals) || decimals > 300 || decimals < -300) DECLINE;
    const int is32 = is_dense(args[0], NPY_FLOAT32);
    if (!is32 && !is_dense(args[0], NPY_FLOAT64)) DECLINE;
    double scale = 1.0;
    for (npy_intp k = decimals < 0 ? -decimals : decimals; k > 0; k--) scale *= 10.0;
    PyObject *made = NEW_LIKE(args[0]);
    if (!made) return NULL;
    const npy_intp n = SIZE(made);
    THREADS_BEGIN(n);
    const int fine = decimals > 0;
    if (is32) decimals_float(DATA(float, args[0]), (float)scale, fine, DATA(float, made), n);
    else decimals_double(DATA(double, args[0]), scale, fine, DATA(double, made), n);
    THREADS_END;
    return made;
}

/* ---- quotients without fraction, and what is left

   In float64 the quotient of two float32 numbers below 2^28 is exact enough that its whole part is
   right, and the product of that with y is exact; the rest goes to the C library. */

#define TOO_LARGE 268435456.0

#define DIVISIONS(name, fast, slow)                                                                \
    CLONES static int name##_fast(const float *a, const float *b, npy_intp step, float *to,        \
                                  npy_intp n)                                                      \
    {                                                                                              \
        int all = 1;                                                                               \
        for (npy_intp i = 0; i < n; i++) {                                                         \
            const double x = a[i], y = b[i * step], q = x / y;                                     \
            to[i] = (float)(fast);                                                                 \
            all &= (fabs(q) < TOO_LARGE) & (fabs(y) < INFINITY);                                   \
        }                                                                                          \
        return all;                                                                                \
    }                                                                                              \
    CLONES static int name##_fast_number(const float *a, float number, float *to, npy_intp n)      \
    {                                                                                              \
        int all = 1;                                                                               \
        const double y = number;                                                                   \
        for (npy_intp i = 0; i < n; i++) {                                                         \
            const double x = a[i], q = x / y;                                                      \
            to[i] = (float)(fast);                                                                 \
            all &= (fabs(q) < TOO_LARGE) & (fabs(y) < INFINITY);                                   \
        }                                                                                          \
        return all;                                                                                \
    }                                                                                              \
    static void name##_rest(const float *a, const float *b, npy_intp step, float *to, npy_intp n)  \
    {                                                                                              \
        for (npy_intp i = 0; i < n; i++) {                                                         \
            const float x = a[i], y = b[i * step];                                                 \
            if (!(fabs((double)x / y) < TOO_LARGE && fabsf(y) < INFINITY)) to[i] = slow(x, y);     \
        }                                                                                          \
    }                                                                                              \
    static PyObject *name(PyObject *const *args, Py_ssize_t nargs)                                 \
    {                                                                                              \
        double number = 0.0;                                                                       \
        if (nargs != 2 || !is_dense(args[0], NPY_FLOAT32)) DECLINE;                                \
        const Second kind = second_operand(args[0], args[1], NPY_FLOAT32, &number);                \
        if (kind == STRANGE) DECLINE;                                                              \
        PyObject *made = NEW_LIKE(args[0]);                                                        \
        if (!made) return NULL;                                                                    \
        const npy_intp n = SIZE(made), step = kind == ARRAY_TOO;                                   \
        const float one = (float)number, *a = DATA(float, args[0]);                                \
        const float *b = step ? DATA(float, args[1]) : &one;                                       \
        float *to = DATA(float, made);                                                             \
        THREADS_BEGIN(n);                                                                          \
        const int all = step ? name##_fast(a, b, 1, to, n) : name##_fast_number(a, one, to, n);    \
        if (!all) name##_rest(a, b, step, to, n);                                                  \
        THREADS_END;                                                                               \
        return made;                                                                               \
    }

/* the sign of zeros is that of x, as fmod has it */
INLINE double left_of(double x, double r)
{ return r == 0.0 ? copysign(0.0, x) : r; }

static float slow_remainder(float x, float y)
{
    const float r = fmodf(x, y);
    return r != 0.0f && (y < 0.0f) != (r < 0.0f) ? r + y : r;
}

static float slow_floor_divide(float x, float y)
{
    if (y == 0.0f) return x / y;
    const float r = fmodf(x, y);
    float q = (x - r) / y;
    if (r != 0.0f && (y < 0.0f) != (r < 0.0f)) q -= 1.0f;
    if (q == 0.0f) return copysignf(0.0f, x / y);
    const float whole = floorf(q);
    return q - whole > 0.5f ? whole + 1.0f : whole;
}

DIVISIONS(remainder_kernel, left_of(x, x - y * floor(q)), slow_remainder)
DIVISIONS(fmod_kernel, left_of(x, x - y * trunc(q)), fmodf)
DIVISIONS(floor_divide, floor(q), slow_floor_divide)

/* ---- derivatives that are ops */

MAP2(tanh_backward, x * (1 - y * y))
MAP2(sigmoid_backward, x * (1 - y) * y)

/* ---- choosing */

MAP2(maximum, x != x ? x : x > y ? x : y)
MAP2(minimum, x != x ? x : x < y ? x : y)
MAP2(heaviside, x == 0 ? y : (x > 0))
MAP2(copysign_kernel, _Generic(x, float: copysignf, double: copysign)(x, y))

/* A number of a call, not NaN, or what stands for None. */
INLINE int bound(PyObject *o, double none, double *value)
{
    if (o != Py_None) return as_double(o, value) && *value == *value;
    *value = none;
    return 1;
}

#define CLAMPS(type)                                                                               \
    CLONES static void clamp_##type(const type *from, type low, type high, type *to, npy_intp n)   \
    {                                                                                              \
        for (npy_intp i = 0; i < n; i++) {                                                         \
            const type x = from[i], y = x < low ? low : x;                                         \
            to[i] = y > high ? high : y;                                                           \
        }                                                                                          \
    }
CLAMPS(float)
CLAMPS(double)

static PyObject *clamp(PyObject *const *args, Py_ssize_t nargs)
{
    double low, high;
    if (nargs != 3 || !bound(args[1], -INFINITY, &low) || !bound(args[2], INFINITY, &high)) DECLINE;
    const int is32 = is_dense(args[0], NPY_FLOAT32);
    if (!is32 && !is_dense(args[0], NPY_FLOAT64)) DECLINE;
    PyObject *made = NEW_LIKE(args[0]);
    if (!made) return NULL;
    const npy_intp n = SIZE(made);
    THREADS_BEGIN(n);
    if (is32) clamp_float(DATA(float, args[0]), (float)low, (float)high, DATA(float, made), n);
    else clamp_double(DATA(double, args[0]), low, high, DATA(double, made), n);
    THREADS_END;
    return made;
}

/* NaN and the infinities replaced; the largest number stands for an infinity that is not given. */
#define CLEANS(type, largest)                                                                      \
    CLONES static void clean_##type(const type *from, type nan, type high, type low, type *to,     \
                                    npy_intp n)                                                    \
    {                                                                                              \
        for (npy_intp i = 0; i < n; i++) {                                                         \
            const type x = from[i], y = x > (type)largest ? high : x;                              \
            const type z = x < -(type)largest ? low : y;                                           \
            to[i] = x == x ? z : nan;                                                              \
        }                                                                                          \
    }
CLEANS(float, 3.40282347e38f)
CLEANS(double, 1.7976931348623157e308)

static PyObject *nan_to_num(PyObject *const *args, Py_ssize_t nargs)
{
    if (nargs < 1 || nargs > 4) DECLINE;
    const int is32 = is_dense(args[0], NPY_FLOAT32);
    if (!is32 && !is_dense(args[0], NPY_FLOAT64)) DECLINE;
    const double largest = is32 ? 3.40282347e38 : 1.7976931348623157e308;
    double values[] = {0.0, largest, -largest};
    for (Py_ssize_t i = 1; i < nargs; i++)
        if (!bound(args[i], values[i - 1], &values[i - 1])) DECLINE;
    PyObject *x = args[0], *made = NEW_LIKE(x);
    if (!made) return NULL;
    const npy_intp n = SIZE(made);
    THREADS_BEGIN(n);
    if (is32)
        clean_float(DATA(float, x), (float)values[0], (float)values[1], (float)values[2],
                    DATA(float, made), n);
    else clean_double(DATA(double, x), values[0], values[1], values[2], DATA(double, made), n);
    THREADS_END;
    return made;
}

/* where(condition, a, b) of two arrays, or of an array and a number: the bits are moved as they
   are. A number's step is 0. */
#define WHERES(type)                                                                               \
    CLONES static void where_##type(const npy_bool *c, const type *a, const type *b, type *to,     \
                                    npy_intp n)                                                    \
    {                                                                                              \
        for (npy_intp i = 0; i < n; i++) {                                                         \
            const type x = a[i], y = b[i];                                                         \
            to[i] = c[i] ? x : y;                                                                  \
        }                                                                                          \
    }                                                                                              \
    CLONES static void where_number_##type(const npy_bool *c, const type *a, type y, int flip,     \
                                           type *to, npy_intp n)                                   \
    {                                                                                              \
        for (npy_intp i = 0; i < n; i++) {                                                         \
            const type x = a[i];                                                                   \
            to[i] = (c[i] != 0) != flip ? x : y;                                                   \
        }                                                                                          \
    }                                                                                              \
    static void where_of_##type(const npy_bool *c, const void *a, const void *b, int a_number,     \
                                int b_number, void *to, npy_intp n)                                \
    {                                                                                              \
        if (b_number) where_number_##type(c, a, *(const type *)b, 0, to, n);                       \
        else if (a_number) where_number_##type(c, b, *(const type *)a, 1, to, n);                  \
        else where_##type(c, a, b, to, n);                                                         \
    }
WHERES(uint8_t)
WHERES(uint32_t)
WHERES(uint64_t)

/* Whether `o` is a number beside an array of this type; its bits. */
INLINE int number_bits(PyObject *o, int type, uint64_t *bits)
{
    if (PyArray_CheckExact(o)) {
        if (PyArray_NDIM(ARRAY(o)) || PyArray_TYPE(ARRAY(o)) != type) return 0;
        if (PyArray_ITEMSIZE(ARRAY(o)) > 8) return 0;
        memcpy(bits, PyArray_DATA(ARRAY(o)), PyArray_ITEMSIZE(ARRAY(o)));
        return 1;
    }
    if (!PyFloat_CheckExact(o)) return 0;
    const double value = PyFloat_AS_DOUBLE(o);
    const float value32 = (float)value;
    if (type == NPY_FLOAT32) memcpy(bits, &value32, 4);
    else if (type == NPY_FLOAT64) memcpy(bits, &value, 8);
    else return 0;
    return 1;
}

static PyObject *where(PyObject *const *args, Py_ssize_t nargs)
{
    if (nargs != 3 || !is_dense(args[0], NPY_BOOL)) DECLINE;
    PyObject *c = args[0], *a = args[1], *b = args[2];
    const int a_array = PyArray_CheckExact(a) && PyArray_NDIM(ARRAY(a)) > 0;
    const int b_array = PyArray_CheckExact(b) && PyArray_NDIM(ARRAY(b)) > 0;
    if (!a_array && !b_array) DECLINE;
    PyObject *main = a_array ? a : b;
    const int type = PyArray_TYPE(ARRAY(main));
    if (type > NPY_DOUBLE || !is_dense(main, type) || !SAME_SHAPE(c, main)) DECLINE;
    if (a_array && b_array && (!is_dense(b, type) || !SAME_SHAPE(a, b))) DECLINE;
    uint64_t bits = 0;
    if (!(a_array && b_array) && !number_bits(a_array ? b : a, type, &bits)) DECLINE;
    const void *x = a_array ? PyArray_DATA(ARRAY(a)) : &bits;
    const void *y = b_array ? PyArray_DATA(ARRAY(b)) : &bits;
    const npy_intp size = PyArray_ITEMSIZE(ARRAY(main));
    if (size != 1 && size != 4 && size != 8) DECLINE;
    PyObject *made = NEW_LIKE(main);
    if (!made) return NULL;
    const npy_intp n = SIZE(made);
    const npy_bool *mask = DATA(npy_bool, c);
    void *to = PyArray_DATA(ARRAY(made));
    THREADS_BEGIN(n);
    if (size == 4) where_of_uint32_t(mask, x, y, !a_array, !b_array, to, n);
    else if (size == 8) where_of_uint64_t(mask, x, y, !a_array, !b_array, to, n);
    else where_of_uint8_t(mask, x, y, !a_array, !b_array, to, n);
    THREADS_END;
    return made;
}

/* ---- size and neighbours */

/* in float64, where nothing overflows; infinity wins over NaN */
INLINE float length(float x, float y)
{
    const double a = x, b = y;
    const float made = (float)sqrt(a * a + b * b);
    return fabsf(x) == INFINITY || fabsf(y) == INFINITY ? INFINITY : made;
}

/* The bits of numbers of one sign are in their order. */
INLINE float next_towards(float x, float y)
{
    const int32_t bits = to_bits(x), towards = to_bits(y);
    const float next = from_bits(bits_apart(bits, (x < y) == (x > 0.0f) ? -1 : 1));
    const float first = from_bits((towards & INT32_MIN) | 1); /* from a zero */
    const float near = x == 0.0f ? first : next;
    const float apart = x == y ? y : near;
    return x != x || y != y ? x + y : apart;
}

MAP2_32(hypot_kernel, length(x, y))
MAP2_32(nextafter_kernel, next_towards(x, y))

/* ---- logarithms */

#define ENTROPY(x) ((x) > 0.0f ? -(x) * log32(x) : (x) < 0.0f ? -INFINITY : (x) + 0.0f)

/* 0 where x is, unless y is NaN */
#define UNLESS_ZERO(x, y, made) ((y) != (y) ? (y) : (x) == 0.0f ? 0.0f : (made))

/* the larger and what the smaller adds to it; equal infinities have no difference */
#define TOP(x, y) ((x) != (x) ? (x) : (x) > (y) ? (x) : (y))
#define GAP(x, y) ((x) == (y) ? 0.0f : -size32((x) - (y)))

/* 2^x for x <= 0 */
INLINE float exp2_32(float x)
{
    const float z = at_least32(x, -160.0f), shifted = z + 12582912.0f, n = shifted - 12582912.0f;
    const int32_t power = bits_apart(to_bits(shifted), to_bits(12582912.0f)), half = power >> 1;
    return exp32((z - n) * 0.693147181f) * power_of_two(half) * power_of_two(power - half);
}

/* scale log(1 + e) for 0 <= e <= 1: 2 artanh(e/(2 + e)) by its series */
INLINE float log1p_unit(float e, float scale)
{
    const float twice = 2.0f * scale, s = e / (2.0f + e), z = s * s;
    float y = twice / 15.0f;
    y = y * z + twice / 13.0f;
    y = y * z + twice / 11.0f;
    y = y * z + twice / 9.0f;
    y = y * z + twice / 7.0f;
    y = y * z + twice / 5.0f;
    y = y * z + twice / 3.0f;
    return twice * s + s * (z * y);
}

MAP32(entr, ENTROPY(x))
MAP2_32(xlogy, UNLESS_ZERO(x, y, x *log32(y)))
MAP2_32(xlog1py, UNLESS_ZERO(x, y, x *log1p32(y)))
MAP2_32(logaddexp, TOP(x, y) + log1p_unit(exp32(GAP(x, y)), 1.0f))
MAP2_32(logaddexp2, TOP(x, y) + log1p_unit(exp2_32(GAP(x, y)), 1.44269504f))

/* ---- three operands */

#define LOOP3(name, type, expression)                                                              \
    CLONES static void name##_##type(const type *a, const type *b, const type *c, type *to,        \
                                     npy_intp n, type value)                                       \
    {                                                                                              \
        for (npy_intp i = 0; i < n; i++) {                                                         \
            const type x = a[i], y = b[i], z = c[i];                                               \
            to[i] = (expression);                                                                  \
        }                                                                                          \
    }

/* name(x, y, z, value = 1) of arrays of one shape. */
#define MAP3(name, expression)                                                                     \
    LOOP3(name, float, expression)                                                                 \
    LOOP3(name, double, expression)                                                                \
    static PyObject *name(PyObject *const *args, Py_ssize_t nargs)                                 \
    {                                                                                              \
        double value = 1.0;                                                                        \
        if (nargs < 3 || nargs > 4 || (nargs == 4 && !as_double(args[3], &value))) DECLINE;        \
        const int is32 = is_dense(args[0], NPY_FLOAT32);                                           \
        const int type = is32 ? NPY_FLOAT32 : NPY_FLOAT64;                                         \
        for (int i = 0; i < 3; i++)                                                                \
            if (!is_dense(args[i], type) || !SAME_SHAPE(args[0], args[i])) DECLINE;                \
        PyObject *made = NEW_LIKE(args[0]);                                                        \
        if (!made) return NULL;                                                                    \
        const npy_intp n = SIZE(made);                                                             \
        THREADS_BEGIN(n);                                                                          \
        if (is32)                                                                                  \
            name##_float(DATA(float, args[0]), DATA(float, args[1]), DATA(float, args[2]),         \
                         DATA(float, made), n, (float)value);                                      \
        else                                                                                       \
            name##_double(DATA(double, args[0]), DATA(double, args[1]), DATA(double, args[2]),     \
                          DATA(double, made), n, value);                                           \
        THREADS_END;                                                                               \
        return made;                                                                               \
    }

MAP3(addcmul, x + y * value * z)
MAP3(addcdiv, x + y * value / z)

/* lerp from the nearer end: x + z (y - x), or y - (1 - z)(y - x) where |z| is 1/2 or more */
#define LERPS(type)                                                                                \
    CLONES static void lerp_##type(const type *a, const type *b, const type *c, type *to,          \
                                   npy_intp n)                                                     \
    {                                                                                              \
        for (npy_intp i = 0; i < n; i++) {                                                         \
            const type x = a[i], y = b[i], z = c[i];                                               \
            const type near = z < 0 ? -z : z, from = near < (type)0.5 ? x : y;                     \
            const type part = near < (type)0.5 ? z : z - 1;                                        \
            to[i] = from + part * (y - x);                                                         \
        }                                                                                          \
    }                                                                                              \
    CLONES static void lerp_number_##type(const type *a, const type *b, double weight, type *to,   \
                                          npy_intp n)                                              \
    {                                                                                              \
        const int far = !(weight < 0.5 && weight > -0.5);                                          \
        const type z = (type)(far ? weight - 1.0 : weight);                                        \
        if (far)                                                                                   \
            for (npy_intp i = 0; i < n; i++) to[i] = b[i] + z * (b[i] - a[i]);                     \
        else                                                                                       \
            for (npy_intp i = 0; i < n; i++) to[i] = a[i] + z * (b[i] - a[i]);                     \
    }                                                                                              \
    static PyObject *lerp_of_##type(PyObject *const *args, int number_type)                        \
    {                                                                                              \
        double weight = 0.0;                                                                       \
        const Second kind = second_operand(args[0], args[2], number_type, &weight);                \
        if (kind == STRANGE) DECLINE;                                                              \
        PyObject *made = NEW_LIKE(args[0]);                                                        \
        if (!made) return NULL;                                                                    \
        const npy_intp n = SIZE(made);                                                             \
        const type *a = DATA(type, args[0]), *b = DATA(type, args[1]);                             \
        const type *c = kind == NUMBER ? NULL : DATA(type, args[2]);                               \
        type *to = DATA(type, made);                                                               \
        THREADS_BEGIN(n);                                                                          \
        if (c) lerp_##type(a, b, c, to, n);                                                        \
        else lerp_number_##type(a, b, weight, to, n);                                              \
        THREADS_END;                                                                               \
        return made;                                                                               \
    }
LERPS(float)
LERPS(double)

static PyObject *lerp(PyObject *const *args, Py_ssize_t nargs)
{
    if (nargs != 3) DECLINE;
    const int is32 = is_dense(args[0], NPY_FLOAT32);
    const int type = is32 ? NPY_FLOAT32 : NPY_FLOAT64;
    if (!is_dense(args[0], type) || !is_dense(args[1], type)) DECLINE;
    if (!SAME_SHAPE(args[0], args[1])) DECLINE;
    return is32 ? lerp_of_float(args, type) : lerp_of_double(args, type);
}

/* ---- truth */

#define TRUTH(name, type, op)                                                                      \
    CLONES static void name##_##type(const type *a, const type *b, npy_bool *to, npy_intp n)       \
    {                                                                                              \
        for (npy_intp i = 0; i < n; i++) to[i] = (a[i] != 0) op(b[i] != 0);                        \
    }
#define LOGICAL(name, op)                                                                          \
    TRUTH(name, float, op)                                                                         \
    TRUTH(name, double, op)                                                                        \
    TRUTH(name, npy_bool, op)                                                                      \
    TRUTH(name, npy_int64, op)                                                                     \
    static PyObject *name(PyObject *const *args, Py_ssize_t nargs)                                 \
    {                                                                                              \
        if (nargs != 2 || !PyArray_CheckExact(args[0])) DECLINE;                                   \
        PyObject *a = args[0], *b = args[1];                                                       \
        const int type = PyArray_TYPE(ARRAY(a));                                                   \
        if (type != NPY_FLOAT32 && type != NPY_FLOAT64 && type != NPY_BOOL && type != NPY_INT64)   \
            DECLINE;                                                                               \
        if (!is_dense(a, type) || !is_dense(b, type) || !SAME_SHAPE(a, b)) DECLINE;                \
        PyObject *made = new_array(PyArray_NDIM(ARRAY(a)), PyArray_DIMS(ARRAY(a)), NPY_BOOL);      \
        if (!made) return NULL;                                                                    \
        const npy_intp n = SIZE(made);                                                             \
        npy_bool *to = DATA(npy_bool, made);                                                       \
        THREADS_BEGIN(n);                                                                          \
        if (type == NPY_FLOAT32) name##_float(DATA(float, a), DATA(float, b), to, n);              \
        else if (type == NPY_FLOAT64) name##_double(DATA(double, a), DATA(double, b), to, n);      \
        else if (type == NPY_BOOL) name##_npy_bool(DATA(npy_bool, a), DATA(npy_bool, b), to, n);   \
        else name##_npy_int64(DATA(npy_int64, a), DATA(npy_int64, b), to, n);                      \
        THREADS_END;                                                                               \
        return made;                                                                               \
    }

LOGICAL(logical_and, &)
LOGICAL(logical_or, |)
LOGICAL(logical_xor, !=)

/* ~x of int64 and bools (the order of bytes is the same for both) */
CLONES static void not_int64(const npy_int64 *x, npy_int64 *to, npy_intp n)
{
    for (npy_intp i = 0; i < n; i++) to[i] = ~x[i];
}

CLONES static void not_bool(const npy_bool *x, npy_bool *to, npy_intp n)
{
    for (npy_intp i = 0; i < n; i++) to[i] = !x[i];
}

static PyObject *bitwise_not(PyObject *const *args, Py_ssize_t nargs)
{
    if (nargs != 1) DECLINE;
    PyObject *x = args[0];
    const int whole = is_dense(x, NPY_INT64);
    if (!whole && !is_dense(x, NPY_BOOL)) DECLINE;
    PyObject *made = NEW_LIKE(x);
    if (!made) return NULL;
    const npy_intp n = SIZE(x);
    THREADS_BEGIN(n);
    if (whole) not_int64(DATA(npy_int64, x), DATA(npy_int64, made), n);
    else not_bool(DATA(npy_bool, x), DATA(npy_bool, made), n);
    THREADS_END;
    return made;
}

/* Whether all elements are equal, looked at in pieces. */
#define SAMES(type)                                                                                \
    CLONES static int same_##type(const type *a, const type *b, npy_intp n)                        \
    {                                                                                              \
        for (npy_intp start = 0; start < n; start += 1024) {                                       \
            const npy_intp stop = n - start < 1024 ? n : start + 1024;                             \
            int different = 0;                                                                     \
            for (npy_intp i = start; i < stop; i++) different |= a[i] != b[i];                     \
            if (different) return 0;                                                               \
        }                                                                                          \
        return 1;                                                                                  \
    }
SAMES(float)
SAMES(double)

/* all_equal(a, b) of arrays of one dtype: a bool of Python */
static PyObject *all_equal(PyObject *const *args, Py_ssize_t nargs)
{
    if (nargs != 2 || !PyArray_CheckExact(args[0])) DECLINE;
    PyObject *a = args[0], *b = args[1];
    const int type = PyArray_TYPE(ARRAY(a));
    if (!is_dense(a, type) || !is_dense(b, type)) DECLINE;
    if (!SAME_SHAPE(a, b)) Py_RETURN_FALSE;
    int same;
    const npy_intp n = SIZE(a);
    if (type == NPY_FLOAT32) same = same_float(DATA(float, a), DATA(float, b), n);
    else if (type == NPY_FLOAT64) same = same_double(DATA(double, a), DATA(double, b), n);
    else if (type <= NPY_ULONGLONG)
        same = memcmp(DATA(char, a), DATA(char, b), PyArray_NBYTES(ARRAY(a))) == 0;
    else DECLINE;
    return PyBool_FromLong(same);
}

/* ---- writing */

static int is_writable(PyObject *x)
{
    return PyArray_CheckExact(x) && PyArray_ISCARRAY(ARRAY(x)) && PyArray_NDIM(ARRAY(x)) > 0
           && !PyDataType_REFCHK(PyArray_DESCR(ARRAY(x)));
}

static PyObject *clear(PyObject *const *args, Py_ssize_t nargs)
{
    if (nargs != 1 || !is_writable(args[0])) DECLINE;
    memset(PyArray_DATA(ARRAY(args[0])), 0, PyArray_NBYTES(ARRAY(args[0])));
    Py_RETURN_NONE;
}

/* Whether two dense arrays of one size are the same memory, or have none in common. */
INLINE int same_or_apart(PyObject *a, PyObject *b)
{
    const char *x = DATA(char, a), *y = DATA(char, b);
    const npy_intp size = PyArray_NBYTES(ARRAY(a));
    return x == y || x + size <= y || y + size <= x;
}

/* name(x, y, to) as NumPy's ufunc */
#define INTO(name, op)                                                                             \
    LOOP2(name, float, x op y)                                                                     \
    LOOP2(name, double, x op y)                                                                    \
    static PyObject *name(PyObject *const *args, Py_ssize_t nargs)                                 \
    {                                                                                              \
        if (nargs != 3) DECLINE;                                                                   \
        PyObject *x = args[0], *y = args[1], *to = args[2];                                        \
        const int is32 = is_dense(x, NPY_FLOAT32), type = is32 ? NPY_FLOAT32 : NPY_FLOAT64;        \
        if (!is_dense(x, type) || !is_dense(y, type) || !SAME_SHAPE(x, y)) DECLINE;                \
        if (!is_writable(to) || PyArray_TYPE(ARRAY(to)) != type || !SAME_SHAPE(x, to)) DECLINE;    \
        if (!same_or_apart(x, to) || !same_or_apart(y, to)) DECLINE;                               \
        const npy_intp n = SIZE(x);                                                                \
        THREADS_BEGIN(n);                                                                          \
        if (is32) name##_float(DATA(float, x), DATA(float, y), DATA(float, to), n);                \
        else name##_double(DATA(double, x), DATA(double, y), DATA(double, to), n);                 \
        THREADS_END;                                                                               \
        return Py_NewRef(to);                                                                      \
    }

INTO(add_into, +)
INTO(subtract_into, -)
INTO(multiply_into, *)
INTO(divide_into, /)

static PyObject *overwrite(PyObject *const *args, Py_ssize_t nargs)
{
    if (nargs != 2 || !is_writable(args[0]) || !PyArray_CheckExact(args[1])) DECLINE;
    const int type = PyArray_TYPE(ARRAY(args[0]));
    if (type > NPY_CDOUBLE || !is_dense(args[1], type) || !SAME_SHAPE(args[0], args[1])) DECLINE;
    memmove(DATA(char, args[0]), DATA(char, args[1]), PyArray_NBYTES(ARRAY(args[0])));
    Py_RETURN_NONE;
}

const Row elementwise_rows[] = {
    {"elementwise.rsqrt", rsqrt},
    {"elementwise.reciprocal", reciprocal},
    {"elementwise.sign", sign},
    {"elementwise.frac", frac},
    {"elementwise.floor", floor_kernel},
    {"elementwise.ceil", ceil_kernel},
    {"elementwise.trunc", trunc_kernel},
    {"elementwise.rint", rint_kernel},
    {"elementwise.round_decimals", round_decimals},
    {"elementwise.angle", angle},
    {"elementwise.remainder", remainder_kernel},
    {"elementwise.fmod", fmod_kernel},
    {"elementwise.floor_divide", floor_divide},
    {"elementwise.tanh_backward", tanh_backward},
    {"elementwise.sigmoid_backward", sigmoid_backward},
    {"elementwise.maximum", maximum},
    {"elementwise.minimum", minimum},
    {"elementwise.heaviside", heaviside},
    {"elementwise.clamp", clamp},
    {"elementwise.nan_to_num", nan_to_num},
    {"elementwise.where", where},
    {"elementwise.entr", entr},
    {"elementwise.xlogy", xlogy},
    {"elementwise.xlog1py", xlog1py},
    {"elementwise.logaddexp", logaddexp},
    {"elementwise.logaddexp2", logaddexp2},
    {"elementwise.addcmul", addcmul},
    {"elementwise.addcdiv", addcdiv},
    {"elementwise.lerp", lerp},
    {"masks.all_equal", all_equal},
    {"masks.bitwise_not", bitwise_not},
    {"writing.clear", clear},
    {"writing.overwrite", overwrite},
    {"writing.add_into", add_into},
    {"writing.subtract_into", subtract_into},
    {"writing.multiply_into", multiply_into},
    {"writing.divide_into", divide_into},
    {"masks.copysign", copysign_kernel},
    {"masks.hypot", hypot_kernel},
    {"masks.nextafter", nextafter_kernel},
    {"masks.logical_and", logical_and},
    {"masks.logical_or", logical_or},
    {"masks.logical_xor", logical_xor},
    {NULL, NULL},
};
