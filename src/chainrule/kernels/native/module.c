/* The extension module: a table of compiled kernels and the callable that stands for each. */

#define CHAINRULE_MODULE
#include "kernel.h"
#include <stddef.h>
#include <structmember.h>

/* The tables of the other files. */
extern const Row activation_rows[], along_rows[], arithmetic_rows[], attention_rows[],
    complexes_rows[], conv_rows[], ctc_rows[], distance_rows[], elementwise_rows[], fourier_rows[],
    grid_rows[], images_rows[], index_rows[], lapack_rows[], linalg_rows[], loss_rows[],
    make_rows[], moves_rows[], norms_rows[], optim_rows[], order_rows[], polynomials_rows[],
    pool_rows[], products_rows[], random_rows[], segment_rows[], softmax_rows[], running_rows[],
    special_rows[], sums_rows[], tensors_rows[], views_rows[];
extern PyObject *bind_tensors(PyObject *self, PyObject *args);
static const Row *const TABLES[] = {
    activation_rows,  along_rows,     arithmetic_rows,
    attention_rows,   complexes_rows, conv_rows,
    ctc_rows,         distance_rows,  elementwise_rows,
    fourier_rows,     grid_rows,      images_rows,
    index_rows,       lapack_rows,    linalg_rows,
    loss_rows,        make_rows,      moves_rows,
    norms_rows,       optim_rows,     order_rows,
    polynomials_rows, pool_rows,      products_rows,
    random_rows,      segment_rows,   softmax_rows,
    running_rows,     special_rows,   sums_rows,
    tensors_rows,     views_rows,     NULL,
};

/* ---- Kernel: calls the compiled function, and the NumPy twin where it declines */

typedef struct {
    PyObject_HEAD vectorcallfunc vectorcall;
    compiled_fn run;
    PyObject *twin;
    PyObject *dict;
} Kernel;

static PyObject *kernel_call(PyObject *self, PyObject *const *args, size_t nargsf, PyObject *names)
{
    Kernel *kernel = (Kernel *)self;
    if (names == NULL) {
        PyObject *made = kernel->run(args, PyVectorcall_NARGS(nargsf));
        if (made != Py_NotImplemented) return made;
        Py_DECREF(made);
    }
    return PyObject_Vectorcall(kernel->twin, args, nargsf, names);
}

static int kernel_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(((Kernel *)self)->twin);
    Py_VISIT(((Kernel *)self)->dict);
    return 0;
}

static int kernel_clear(PyObject *self)
{
    Py_CLEAR(((Kernel *)self)->twin);
    Py_CLEAR(((Kernel *)self)->dict);
    return 0;
}

static void kernel_dealloc(PyObject *self)
{
    PyObject_GC_UnTrack(self);
    kernel_clear(self);
    Py_TYPE(self)->tp_free(self);
}

static PyObject *kernel_repr(PyObject *self)
{ return PyUnicode_FromFormat("<compiled %R>", ((Kernel *)self)->twin); }

static PyMemberDef kernel_members[] = {
    {"__wrapped__", T_OBJECT_EX, offsetof(Kernel, twin), READONLY, "The NumPy twin."},
    {NULL, 0, 0, 0, NULL},
};

/* Name, module and text are those of the twin. */
static PyObject *of_twin(PyObject *self, void *name)
{ return PyObject_GetAttrString(((Kernel *)self)->twin, (const char *)name); }

static PyGetSetDef kernel_getset[] = {
    {"__name__", of_twin, NULL, NULL, "__name__"},
    {"__qualname__", of_twin, NULL, NULL, "__qualname__"},
    {"__module__", of_twin, NULL, NULL, "__module__"},
    {"__doc__", of_twin, NULL, NULL, "__doc__"},
    {"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyTypeObject KernelType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "chainrule.kernels._native.Kernel",
    .tp_basicsize = sizeof(Kernel),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL,
    .tp_vectorcall_offset = offsetof(Kernel, vectorcall),
    .tp_dictoffset = offsetof(Kernel, dict),
    .tp_call = PyVectorcall_Call,
    .tp_dealloc = kernel_dealloc,
    .tp_traverse = kernel_traverse,
    .tp_clear = kernel_clear,
    .tp_repr = kernel_repr,
    .tp_members = kernel_members,
    .tp_getset = kernel_getset,
};

/* {path: address of its row} */
static PyObject *PATHS;

static int read_tables(void)
{
    if (!(PATHS = PyDict_New())) return -1;
    for (const Row *const *table = TABLES; *table; table++)
        for (const Row *row = *table; row->path; row++) {
            PyObject *at = PyLong_FromVoidPtr((void *)row);
            if (!at || PyDict_SetItemString(PATHS, row->path, at) < 0) {
                Py_XDECREF(at);
                return -1;
            }
            Py_DECREF(at);
        }
    return 0;
}

/* kernel(path, twin): the Kernel for a path in the tables; None where an extension built earlier
   has no such row. */
static PyObject *make_kernel(PyObject *self, PyObject *args)
{
    PyObject *path, *function;
    if (!PyArg_ParseTuple(args, "UO", &path, &function)) return NULL;
    PyObject *found = PyDict_GetItemWithError(PATHS, path);
    if (found == NULL) {
        if (PyErr_Occurred()) return NULL;
        Py_RETURN_NONE;
    }
    Kernel *kernel = PyObject_GC_New(Kernel, &KernelType);
    if (!kernel) return NULL;
    kernel->vectorcall = kernel_call;
    kernel->run = ((const Row *)PyLong_AsVoidPtr(found))->run;
    kernel->twin = Py_NewRef(function);
    kernel->dict = NULL;
    PyObject_GC_Track(kernel);
    return (PyObject *)kernel;
}

static PyObject *list_paths(PyObject *self, PyObject *unused)
{ return PyDict_Keys(PATHS); }

static PyMethodDef methods[] = {
    {"kernel", make_kernel, METH_VARARGS,
     "kernel(path, twin): the compiled kernel of that path, or None."},
    {"bind", bind_tensors, METH_VARARGS, "bind(Tensor, Meta): the classes that tensors.c makes."},
    {"paths", list_paths, METH_NOARGS, "The paths of all compiled kernels."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    "_native",
    "Compiled kernels (chainrule/kernels/compiled.py).",
    -1,
    methods,
    NULL,
    NULL,
    NULL,
    NULL,
};

PyMODINIT_FUNC PyInit__native(void)
{
    import_array();
    if (PyType_Ready(&KernelType) < 0 || read_tables() < 0) return NULL;
    return PyModule_Create(&definition);
}
