/* Orthogonal polynomials by their recurrences: kernels/polynomials.py.

   A block of elements runs through all degrees up to its highest, and each element keeps the value
   at its own degree: nothing branches. Degrees above `most`, where the twin has closed forms or
   stops, are its own. Multiplications and additions are not fused, so the results are the twin's
   to the last bit. */

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("fp-contract=off")
#else
#pragma STDC FP_CONTRACT OFF
#endif

#include "kernel.h"
#include <math.h>

enum { BLOCK = 128 };

/* The highest degree of a block, at least 0; degrees without fraction, and what no integer can hold
   below 0, come into `whole`. A step of 0 stands for one degree of all. */
#define DEGREES(type, trunc_)                                                                      \
    INLINE type degrees_##type(const type *n, npy_intp step, type *whole, npy_intp count)          \
    {                                                                                              \
        type top = 0;                                                                              \
        for (npy_intp i = 0; i < count; i++) {                                                     \
            const type d = n[i * step];                                                            \
            whole[i] = d < (type)9.2e18 ? trunc_(d) : (type) - 1;                                  \
            top = whole[i] > top ? whole[i] : top;                                                 \
        }                                                                                          \
        return top;                                                                                \
    }
DEGREES(float, truncf)
DEGREES(double, trunc)

/* P_1 = first and P_(k+1) = step, in terms of x, two_x = 2 x, k, p = P_k and q = P_(k-1). Returns 0
   where a degree is above `most`. */
#define LOOP(name, type, argument, first, step, most)                                              \
    CLONES static int name##_##type(const type *xs, const type *n, npy_intp n_step, type *to,      \
                                    npy_intp count)                                                \
    {                                                                                              \
        type degree[BLOCK], before[BLOCK], now[BLOCK];                                             \
        for (npy_intp start = 0; start < count; start += BLOCK) {                                  \
            const npy_intp size = count - start < BLOCK ? count - start : BLOCK;                   \
            const type *from = xs + start;                                                         \
            type *made = to + start;                                                               \
            const type top = degrees_##type(n + start * n_step, n_step, degree, size);             \
            if (top > most) return 0;                                                              \
            for (npy_intp i = 0; i < size; i++) {                                                  \
                const type given = from[i], x = argument, two_x = x + x;                           \
                (void)two_x;                                                                       \
                before[i] = 1;                                                                     \
                now[i] = first;                                                                    \
                made[i] = degree[i] == 0 ? (type)1 : degree[i] == 1 ? now[i] : (type)0;            \
            }                                                                                      \
            for (type k = 1; k < top; k++)                                                         \
                for (npy_intp i = 0; i < size; i++) {                                              \
                    const type given = from[i], x = argument, two_x = x + x;                       \
                    const type p = now[i], q = before[i];                                          \
                    (void)two_x;                                                                   \
                    before[i] = p;                                                                 \
                    now[i] = step;                                                                 \
                    made[i] = degree[i] == k + 1 ? now[i] : made[i];                               \
                }                                                                                  \
        }                                                                                          \
        return 1;                                                                                  \
    }                                                                                              \
    static PyObject *name##_of_##type(PyObject *x, const type *n, npy_intp n_step)                 \
    {                                                                                              \
        PyObject *made = NEW_LIKE(x);                                                              \
        if (!made) return NULL;                                                                    \
        const npy_intp count = SIZE(x);                                                            \
        int done;                                                                                  \
        THREADS_BEGIN(count);                                                                      \
        done = name##_##type(DATA(type, x), n, n_step, DATA(type, made), count);                   \
        THREADS_END;                                                                               \
        if (done) return made;                                                                     \
        Py_DECREF(made);                                                                           \
        DECLINE;                                                                                   \
    }

#define POLYNOMIAL(name, argument, first, step, most32, most64)                                    \
    LOOP(name, float, argument, first, step, most32)                                               \
    LOOP(name, double, argument, first, step, most64)                                              \
    static PyObject *name(PyObject *const *args, Py_ssize_t nargs)                                 \
    {                                                                                              \
        if (nargs != 2) DECLINE;                                                                   \
        PyObject *x = args[0], *n = args[1];                                                       \
        double one;                                                                                \
        const int number = as_double(n, &one);                                                     \
        if (is_dense(x, NPY_FLOAT32)) {                                                            \
            const float degree = (float)one;                                                       \
            if (number) return name##_of_float(x, &degree, 0);                                     \
            if (!is_dense(n, NPY_FLOAT32) || !SAME_SHAPE(x, n)) DECLINE;                           \
            return name##_of_float(x, DATA(float, n), 1);                                          \
        }                                                                                          \
        if (!is_dense(x, NPY_FLOAT64)) DECLINE;                                                    \
        if (number) return name##_of_double(x, &one, 0);                                           \
        if (!is_dense(n, NPY_FLOAT64) || !SAME_SHAPE(x, n)) DECLINE;                               \
        return name##_of_double(x, DATA(double, n), 1);                                            \
    }

/* Above these degrees the twin takes cosines. */
#define CHEBYSHEV(kind, first, most)                                                               \
    POLYNOMIAL(chebyshev_polynomial_##kind, given, first, two_x *p - q, most, most)                \
    POLYNOMIAL(shifted_chebyshev_polynomial_##kind, given + given - 1, first, two_x * p - q, most, \
               most)

CHEBYSHEV(t, x, 6)
CHEBYSHEV(u, two_x, 8)
CHEBYSHEV(v, two_x - 1, 8)
CHEBYSHEV(w, two_x + 1, 8)
POLYNOMIAL(hermite_polynomial_h, given, two_x, 2 * (x * p - k * q), 128, 512)
POLYNOMIAL(hermite_polynomial_he, given, x, x *p - k * q, 128, 512)
POLYNOMIAL(laguerre_polynomial_l, given, 1 - x, ((2 * k + 1 - x) * p - k * q) / (k + 1), 10000,
           10000)
POLYNOMIAL(legendre_polynomial_p, given, x, ((2 * k + 1) * x * p - k * q) / (k + 1), 10000, 10000)

#define ROW(name) {"polynomials." #name, name}

const Row polynomials_rows[] = {
    ROW(chebyshev_polynomial_t),
    ROW(chebyshev_polynomial_u),
    ROW(chebyshev_polynomial_v),
    ROW(chebyshev_polynomial_w),
    ROW(shifted_chebyshev_polynomial_t),
    ROW(shifted_chebyshev_polynomial_u),
    ROW(shifted_chebyshev_polynomial_v),
    ROW(shifted_chebyshev_polynomial_w),
    ROW(hermite_polynomial_h),
    ROW(hermite_polynomial_he),
    ROW(laguerre_polynomial_l),
    ROW(legendre_polynomial_p),
    {NULL, NULL},
};
