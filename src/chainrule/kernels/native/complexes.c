/* Complex numbers from reals and back: kernels/complexes.py and kernels/elementwise.py. */

#include "kernel.h"
#include <math.h>

/* joined(real, imag): the complex numbers with these parts */
static PyObject *joined(PyObject *const *args, Py_ssize_t nargs)
{
    if (nargs != 2) DECLINE;
    const int is32 = is_dense(args[0], NPY_FLOAT32), type = is32 ? NPY_FLOAT32 : NPY_FLOAT64;
    if (!is_dense(args[0], type) || !is_dense(args[1], type) || !SAME_SHAPE(args[0], args[1]))
        DECLINE;
    PyObject *made = new_array(PyArray_NDIM(ARRAY(args[0])), PyArray_DIMS(ARRAY(args[0])),
                               is32 ? NPY_COMPLEX64 : NPY_COMPLEX128);
    if (!made) return NULL;
    const npy_intp n = SIZE(made);
    THREADS_BEGIN(n);
    if (is32) {
        const float *re = DATA(float, args[0]), *im = DATA(float, args[1]);
        float *to = DATA(float, made);
        for (npy_intp i = 0; i < n; i++) to[2 * i] = re[i], to[2 * i + 1] = im[i];
    } else {
        const double *re = DATA(double, args[0]), *im = DATA(double, args[1]);
        double *to = DATA(double, made);
        for (npy_intp i = 0; i < n; i++) to[2 * i] = re[i], to[2 * i + 1] = im[i];
    }
    THREADS_END;
    return made;
}

/* conj(x): also of real numbers, which are copied by the twin */
static PyObject *conj_(PyObject *const *args, Py_ssize_t nargs)
{
    if (nargs != 1) DECLINE;
    PyObject *x = args[0];
    const int is32 = is_dense(x, NPY_COMPLEX64);
    if (!is32 && !is_dense(x, NPY_COMPLEX128)) DECLINE;
    PyObject *made = NEW_LIKE(x);
    if (!made) return NULL;
    const npy_intp n = SIZE(made);
    THREADS_BEGIN(n);
    if (is32)
        for (npy_intp i = 0; i < n; i++) {
            DATA(float, made)[2 * i] = DATA(float, x)[2 * i];
            DATA(float, made)[2 * i + 1] = -DATA(float, x)[2 * i + 1];
        }
    else
        for (npy_intp i = 0; i < n; i++) {
            DATA(double, made)[2 * i] = DATA(double, x)[2 * i];
            DATA(double, made)[2 * i + 1] = -DATA(double, x)[2 * i + 1];
        }
    THREADS_END;
    return made;
}

/* ---- polar, in float64: right to half a unit in the last place of float32 and a little more */

#define TOO_FAR 1e6 /* from here on more digits of pi would be needed */
#define HALF_PI 1.57079632679489661923
#define HALF_PI_REST 6.12323399573676603587e-17

/* Cosine and sine by their Taylor series between -pi/4 and pi/4, where the first terms left out are
   below 1e-13. */
CLONES static void polar_loop(const float *abs, const float *angle, float *to, npy_intp n)
{
    for (npy_intp i = 0; i < n; i++) {
        const double x = angle[i], turns = rint(x * (1 / HALF_PI));
        const double r = (x - turns * HALF_PI) - turns * HALF_PI_REST, s = r * r;
        const double cosine =
            1
            + s
                  * (-1.0 / 2
                     + s
                           * (1.0 / 24
                              + s
                                    * (-1.0 / 720
                                       + s
                                             * (1.0 / 40320
                                                + s * (-1.0 / 3628800 + s * (1.0 / 479001600))))));
        const double sine =
            r
            * (1
               + s
                     * (-1.0 / 6
                        + s
                              * (1.0 / 120
                                 + s
                                       * (-1.0 / 5040
                                          + s
                                                * (1.0 / 362880
                                                   + s
                                                         * (-1.0 / 39916800
                                                            + s * (1.0 / 6227020800)))))));
        const int quarter = (int)turns;
        const double c = quarter & 1 ? sine : cosine, d = quarter & 1 ? cosine : sine;
        to[2 * i] = abs[i] * (float)((quarter + 1) & 2 ? -c : c);
        to[2 * i + 1] = abs[i] * (float)(quarter & 2 ? -d : d);
    }
}

CLONES static int within(const float *x, npy_intp n)
{
    int far = 0;
    for (npy_intp i = 0; i < n; i++) far |= !(fabsf(x[i]) < (float)TOO_FAR);
    return !far;
}

/* polar(abs, angle) */
static PyObject *polar(PyObject *const *args, Py_ssize_t nargs)
{
    if (nargs != 2 || !is_dense(args[0], NPY_FLOAT32) || !is_dense(args[1], NPY_FLOAT32)
        || !SAME_SHAPE(args[0], args[1]) || !within(DATA(float, args[1]), SIZE(args[1])))
        DECLINE;
    PyObject *made =
        new_array(PyArray_NDIM(ARRAY(args[0])), PyArray_DIMS(ARRAY(args[0])), NPY_COMPLEX64);
    if (!made) return NULL;
    const npy_intp n = SIZE(made);
    THREADS_BEGIN(n);
    polar_loop(DATA(float, args[0]), DATA(float, args[1]), DATA(float, made), n);
    THREADS_END;
    return made;
}

/* ---- the same memory as pairs of reals, or as complex numbers */

static PyObject *seen_as(PyObject *x, int type, int nd, const npy_intp *shape,
                         const npy_intp *strides)
{
    const int flags = PyArray_FLAGS(ARRAY(x)) & (NPY_ARRAY_ALIGNED | NPY_ARRAY_WRITEABLE);
    PyObject *made = PyArray_NewFromDescr(&PyArray_Type, PyArray_DescrFromType(type), nd, shape,
                                          strides, PyArray_DATA(ARRAY(x)), flags, NULL);
    if (made && PyArray_SetBaseObject(ARRAY(made), Py_NewRef(x)) < 0) Py_CLEAR(made);
    return made;
}

/* pairs(x): complex numbers as pairs in a last dimension of size 2 */
static PyObject *pairs(PyObject *const *args, Py_ssize_t nargs)
{
    npy_intp shape[NPY_MAXDIMS], strides[NPY_MAXDIMS];
    if (nargs != 1) DECLINE;
    PyObject *x = args[0];
    const int is32 = is_array(x, NPY_COMPLEX64);
    if (!is32 && !is_array(x, NPY_COMPLEX128)) DECLINE;
    const int nd = PyArray_NDIM(ARRAY(x));
    if (nd + 1 > NPY_MAXDIMS) DECLINE;
    for (int i = 0; i < nd; i++)
        shape[i] = PyArray_DIM(ARRAY(x), i), strides[i] = PyArray_STRIDE(ARRAY(x), i);
    shape[nd] = 2;
    strides[nd] = is32 ? sizeof(float) : sizeof(double);
    return seen_as(x, is32 ? NPY_FLOAT32 : NPY_FLOAT64, nd + 1, shape, strides);
}

/* from_pairs(x): the way back, where the pairs lie together */
static PyObject *from_pairs(PyObject *const *args, Py_ssize_t nargs)
{
    if (nargs != 1) DECLINE;
    PyObject *x = args[0];
    const int is32 = is_array(x, NPY_FLOAT32);
    if (!is32 && !is_array(x, NPY_FLOAT64)) DECLINE;
    const int last = PyArray_NDIM(ARRAY(x)) - 1;
    if (last < 1 || PyArray_DIM(ARRAY(x), last) != 2
        || PyArray_STRIDE(ARRAY(x), last) != PyArray_ITEMSIZE(ARRAY(x)))
        DECLINE;
    for (int i = 0; i < last; i++) /* NumPy copies what does not lie on whole pairs */
        if (PyArray_STRIDE(ARRAY(x), i) % (2 * PyArray_ITEMSIZE(ARRAY(x)))) DECLINE;
    return seen_as(x, is32 ? NPY_COMPLEX64 : NPY_COMPLEX128, last, PyArray_DIMS(ARRAY(x)),
                   PyArray_STRIDES(ARRAY(x)));
}

const Row complexes_rows[] = {
    {"elementwise.joined", joined},       {"complexes.conj", conj_},
    {"complexes.polar", polar},           {"complexes.pairs", pairs},
    {"complexes.from_pairs", from_pairs}, {NULL, NULL},
};
