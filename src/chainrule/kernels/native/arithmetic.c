/* + - * / of two dense arrays of one shape, or of an array and a number: kernels/arithmetic.py.
   The results are NumPy's to the last bit; what is saved is the way there. */

#include "kernel.h"

enum { BOTH, NUMBER_RIGHT, NUMBER_LEFT };

/* How two operands of this type meet; -1: not here. */
INLINE int meeting(PyObject *a, PyObject *b, int type)
{
    if (PyArray_TYPE(ARRAY(b)) != type || !PyArray_ISCARRAY_RO(ARRAY(a))
        || !PyArray_ISCARRAY_RO(ARRAY(b)))
        return -1;
    if (PyArray_NDIM(ARRAY(b)) == 0) return PyArray_NDIM(ARRAY(a)) ? NUMBER_RIGHT : -1;
    if (PyArray_NDIM(ARRAY(a)) == 0) return NUMBER_LEFT;
    return SAME_SHAPE(a, b) ? BOTH : -1;
}

#define LOOPS(name, type, op)                                                                      \
    CLONES static void name##_##type(const type *a, const type *b, type *to, npy_intp n)           \
    {                                                                                              \
        for (npy_intp i = 0; i < n; i++) to[i] = a[i] op b[i];                                     \
    }                                                                                              \
    CLONES static void name##_right_##type(const type *a, const type *b, type *to, npy_intp n)     \
    {                                                                                              \
        const type number = *b;                                                                    \
        for (npy_intp i = 0; i < n; i++) to[i] = a[i] op number;                                   \
    }                                                                                              \
    CLONES static void name##_left_##type(const type *a, const type *b, type *to, npy_intp n)      \
    {                                                                                              \
        const type number = *a;                                                                    \
        for (npy_intp i = 0; i < n; i++) to[i] = number op b[i];                                   \
    }                                                                                              \
    static PyObject *name##_of_##type(PyObject *a, PyObject *b, int how)                           \
    {                                                                                              \
        PyObject *made = how == NUMBER_LEFT ? NEW_LIKE(b) : NEW_LIKE(a);                           \
        if (!made) return NULL;                                                                    \
        const type *x = DATA(type, a), *y = DATA(type, b);                                         \
        type *to = DATA(type, made);                                                               \
        const npy_intp n = SIZE(made);                                                             \
        THREADS_BEGIN(n);                                                                          \
        if (how == BOTH) name##_##type(x, y, to, n);                                               \
        else if (how == NUMBER_RIGHT) name##_right_##type(x, y, to, n);                            \
        else name##_left_##type(x, y, to, n);                                                      \
        THREADS_END;                                                                               \
        return made;                                                                               \
    }

/* Half precision: where the compiler has it, each operation in float32, rounded. */
#ifdef CLONED
typedef _Float16 half;
#define HALF_LOOPS(name, op) LOOPS(name, half, op)
#define HALF(name, a, b)                                                                           \
    if (PyArray_TYPE(ARRAY(a)) == NPY_FLOAT16) {                                                   \
        const int met = meeting(a, b, NPY_FLOAT16);                                                \
        if (met < 0) DECLINE;                                                                      \
        return name##_of_half(a, b, met);                                                          \
    }
#else
#define HALF_LOOPS(name, op)
#define HALF(name, a, b)
#endif

#define OPERATION(name, op)                                                                        \
    LOOPS(name, float, op)                                                                         \
    LOOPS(name, double, op)                                                                        \
    HALF_LOOPS(name, op)                                                                           \
    static PyObject *name##_kernel(PyObject *const *args, Py_ssize_t nargs)                        \
    {                                                                                              \
        if (nargs != 2 || !PyArray_CheckExact(args[0]) || !PyArray_CheckExact(args[1])) DECLINE;   \
        const int type = PyArray_TYPE(ARRAY(args[0]));                                             \
        HALF(name, args[0], args[1])                                                               \
        if (type != NPY_FLOAT32 && type != NPY_FLOAT64) DECLINE;                                   \
        const int how = meeting(args[0], args[1], type);                                           \
        if (how < 0) DECLINE;                                                                      \
        if (type == NPY_FLOAT32) return name##_of_float(args[0], args[1], how);                    \
        return name##_of_double(args[0], args[1], how);                                            \
    }

OPERATION(add, +)
OPERATION(sub, -)
OPERATION(mul, *)
OPERATION(div, /)

/* add_into(total, g): total += g, for two dense arrays of one shape. */
static PyObject *add_into_kernel(PyObject *const *args, Py_ssize_t nargs)
{
    if (nargs != 2 || !PyArray_CheckExact(args[0]) || !PyArray_CheckExact(args[1])) DECLINE;
    const int type = PyArray_TYPE(ARRAY(args[0]));
    if (type != NPY_FLOAT32 && type != NPY_FLOAT64) DECLINE;
    if (meeting(args[0], args[1], type) != BOTH || !PyArray_ISWRITEABLE(ARRAY(args[0]))) DECLINE;
    const npy_intp n = SIZE(args[0]);
    THREADS_BEGIN(n);
    if (type == NPY_FLOAT32)
        add_float(DATA(float, args[0]), DATA(float, args[1]), DATA(float, args[0]), n);
    else add_double(DATA(double, args[0]), DATA(double, args[1]), DATA(double, args[0]), n);
    THREADS_END;
    return Py_NewRef(args[0]);
}

const Row arithmetic_rows[] = {
    {"arithmetic.add_into", add_into_kernel}, {"arithmetic.add", add_kernel},
    {"arithmetic.sub", sub_kernel},           {"arithmetic.mul", mul_kernel},
    {"arithmetic.div", div_kernel},           {NULL, NULL},
};
