/* Tensors around arrays: core/tensor.py (`blank`, `wrap`) and ops/shape/views.py
   (`linked`, `linked_all`).

   A tensor is a Python object with slots; here they are filled at their offsets, which `bind` reads
   off the class once. What is not the usual case, above all a recorded operand, is left to the
   Python function. */

#include "kernel.h"
#include <structmember.h>

static PyTypeObject *tensor_type, *meta_type;
static Py_ssize_t data_at, node_at, grad_at, vc_at, view_at, meta_at, views_at, limit_at;

#define SLOT(o, at) (*(PyObject **)((char *)(o) + (at)))

static Py_ssize_t offset_of(PyObject *type, const char *name)
{
    PyObject *member = PyObject_GetAttrString(type, name);
    if (!member) return -1;
    Py_ssize_t offset = -1;
    if (Py_IS_TYPE(member, &PyMemberDescr_Type))
        offset = ((PyMemberDescrObject *)member)->d_member->offset;
    else PyErr_Format(PyExc_TypeError, "%s is no slot", name);
    Py_DECREF(member);
    return offset;
}

/* bind(Tensor, Meta): where the slots of the two classes lie. */
PyObject *bind_tensors(PyObject *self, PyObject *args)
{
    PyObject *tensor, *meta;
    if (!PyArg_ParseTuple(args, "O!O!", &PyType_Type, &tensor, &PyType_Type, &meta)) return NULL;
    if ((data_at = offset_of(tensor, "_data")) < 0 || (node_at = offset_of(tensor, "_node")) < 0
        || (grad_at = offset_of(tensor, "_grad")) < 0 || (vc_at = offset_of(tensor, "_vc")) < 0
        || (view_at = offset_of(tensor, "_view")) < 0 || (meta_at = offset_of(tensor, "_meta")) < 0
        || (views_at = offset_of(meta, "views")) < 0
        || (limit_at = offset_of(meta, "views_limit")) < 0)
        return NULL;
    Py_XSETREF(tensor_type, (PyTypeObject *)Py_NewRef(tensor));
    Py_XSETREF(meta_type, (PyTypeObject *)Py_NewRef(meta));
    Py_RETURN_NONE;
}

/* A tensor around `data` (whose reference it takes), all other slots None. */
INLINE PyObject *tensor_around(PyObject *data)
{
    PyObject *t = tensor_type->tp_alloc(tensor_type, 0);
    if (!t) {
        Py_DECREF(data);
        return NULL;
    }
    SLOT(t, data_at) = data;
    SLOT(t, node_at) = Py_NewRef(Py_None);
    SLOT(t, grad_at) = Py_NewRef(Py_None);
    SLOT(t, vc_at) = Py_NewRef(Py_None);
    SLOT(t, view_at) = Py_NewRef(Py_None);
    SLOT(t, meta_at) = Py_NewRef(Py_None);
    return t;
}

static PyObject *blank(PyObject *const *args, Py_ssize_t nargs)
{
    if (nargs != 0 || !tensor_type) DECLINE;
    return tensor_around(Py_NewRef(Py_None));
}

static PyObject *wrap(PyObject *const *args, Py_ssize_t nargs)
{
    if (nargs != 1 || !tensor_type) DECLINE;
    return tensor_around(Py_NewRef(args[0]));
}

/* ---- views */

static int is_gone(PyObject *ref)
{
#if PY_VERSION_HEX >= 0x030D0000
    PyObject *there;
    if (PyWeakref_GetRef(ref, &there) < 0) {
        PyErr_Clear();
        return 0;
    }
    Py_XDECREF(there);
    return there == NULL;
#else
    return PyWeakref_GET_OBJECT(ref) == Py_None;
#endif
}

static int last_is_gone(PyObject *views)
{
    Py_ssize_t n = PyList_GET_SIZE(views);
    return n && PyWeakref_Check(PyList_GET_ITEM(views, n - 1))
           && is_gone(PyList_GET_ITEM(views, n - 1));
}

/* Keep a weak reference to `view` at its base, in the place of the last one if that is gone: most
   views are gone before the next one. */
static int remember(PyObject *base, PyObject *view)
{
    PyObject *meta = SLOT(base, meta_at);
    if (meta == Py_None) {
        if (!(meta = PyObject_CallNoArgs((PyObject *)meta_type))) return -1;
        Py_SETREF(SLOT(base, meta_at), meta);
    }
    PyObject *views = SLOT(meta, views_at), *ref = PyWeakref_NewRef(view, NULL);
    if (!ref) return -1;
    if (last_is_gone(views)) return PyList_SetItem(views, PyList_GET_SIZE(views) - 1, ref);
    int failed = PyList_Append(views, ref);
    Py_DECREF(ref);
    return failed;
}

/* Whether elements of an array share memory: of a part of it, the Python function asks which. */
static int repeats(PyObject *x)
{
    if (!PyArray_CheckExact(x)) return 1;
    for (int i = 0; i < PyArray_NDIM(ARRAY(x)); i++)
        if (PyArray_STRIDE(ARRAY(x), i) == 0 && PyArray_DIM(ARRAY(x), i) > 1) return 1;
    return 0;
}

/* linked(prim, x, data, params, recording): a new tensor on `data`, part of the memory of `x`. */
static PyObject *linked(PyObject *const *args, Py_ssize_t nargs)
{
    if (nargs < 4 || nargs > 5 || !tensor_type) DECLINE;
    const int recording = nargs == 5 && args[4] == Py_True;
    PyObject *prim = args[0], *x = args[1], *data = args[2], *params = args[3];
    if (!Py_IS_TYPE(x, tensor_type) || (SLOT(x, node_at) != Py_None && !recording)
        || !PyArray_CheckExact(data)
        || (!PyArray_ISWRITEABLE(ARRAY(data)) && repeats(SLOT(x, data_at))))
        DECLINE;
    PyObject *view = SLOT(x, view_at), *base = x;
    if (view != Py_None) {
        base = PyTuple_GET_ITEM(view, 0);
        if (!Py_IS_TYPE(base, tensor_type)) DECLINE;
    }
    PyObject *meta = SLOT(base, meta_at);
    int kept = PyArray_TYPE(ARRAY(data)) == NPY_FLOAT32 || PyArray_TYPE(ARRAY(data)) == NPY_FLOAT64;
    if (!kept) {
        char kind = PyArray_DESCR(ARRAY(data))->kind;
        kept = kind == 'f' || kind == 'c' || kind == 'V';
    }
    if (kept && meta != Py_None) { /* the list is full of views: the Python function clears it up */
        PyObject *views = SLOT(meta, views_at), *limit = SLOT(meta, limit_at);
        if (!PyList_CheckExact(views) || !PyLong_CheckExact(limit)
            || (PyList_GET_SIZE(views) >= PyLong_AsSsize_t(limit) && !last_is_gone(views)))
            DECLINE;
    }
    PyObject *counter = SLOT(base, vc_at);
    if (counter == Py_None) {
        if (!(counter = PyList_New(1))) return NULL;
        PyList_SET_ITEM(counter, 0, PyLong_FromLong(0));
        Py_SETREF(SLOT(base, vc_at), counter);
    }
    PyObject *origin = PyTuple_Pack(4, base, x, prim, params);
    if (!origin) return NULL;
    PyObject *t = tensor_around(Py_NewRef(data));
    if (!t) {
        Py_DECREF(origin);
        return NULL;
    }
    Py_SETREF(SLOT(t, vc_at), Py_NewRef(counter));
    Py_SETREF(SLOT(t, view_at), origin);
    if (kept && remember(base, t) < 0) {
        Py_DECREF(t);
        return NULL;
    }
    return t;
}

/* linked_all(prim, x, arrays, params, recording): the same on each of several. */
static PyObject *linked_all(PyObject *const *args, Py_ssize_t nargs)
{
    if (nargs < 4 || nargs > 5 || !PyTuple_CheckExact(args[2])) DECLINE;
    Py_ssize_t n = PyTuple_GET_SIZE(args[2]);
    PyObject *made = PyTuple_New(n);
    PyObject *each[5] = {args[0], args[1], NULL, args[3], nargs == 5 ? args[4] : Py_False};
    for (Py_ssize_t i = 0; made && i < n; i++) {
        each[2] = PyTuple_GET_ITEM(args[2], i);
        PyObject *one = linked(each, 5);
        if (!one || one == Py_NotImplemented) {
            Py_DECREF(made);
            return one;
        }
        PyTuple_SET_ITEM(made, i, one);
    }
    return made;
}

const Row tensors_rows[] = {
    {"core.tensor.blank", blank},
    {"core.tensor.wrap", wrap},
    {"ops.shape.views.linked", linked},
    {"ops.shape.views.linked_all", linked_all},
    {NULL, NULL},
};
