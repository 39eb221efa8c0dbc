/* Random draws: kernels/random/fills.py. PyTorch's numbers to the last bit.

   The words come from the memory of NumPy's MT19937, so that draws here and in the twins follow
   each other. But for one kernel no sum can round differently where a compiler fuses it with a
   product: the products are exact, or fma says what is fused. */

#include <math.h>
#include <stdint.h>
#include <string.h>
#include "kernel.h"
#include <numpy/random/bitgen.h>

/* ---- words of 32 bits */

#define WORDS 624
#define AHEAD 397

typedef struct { /* what numpy.random.MT19937 keeps */
    uint32_t key[WORDS];
    int position;
} Twister;

INLINE uint32_t twisted(uint32_t a, uint32_t b)
{
    const uint32_t y = (a & 0x80000000u) | (b & 0x7fffffffu);
    return (y >> 1) ^ (-(y & 1u) & 0x9908b0dfu);
}

/* Matsumoto and Nishimura, Mersenne Twister, ACM TOMACS 8 (1998). */
CLONES static void next_block(uint32_t *key)
{
    for (int i = 0; i < WORDS - AHEAD; i++) key[i] = key[i + AHEAD] ^ twisted(key[i], key[i + 1]);
    for (int i = WORDS - AHEAD; i < WORDS - 1; i++)
        key[i] = key[i - (WORDS - AHEAD)] ^ twisted(key[i], key[i + 1]);
    key[WORDS - 1] = key[AHEAD - 1] ^ twisted(key[WORDS - 1], key[0]);
}

CLONES static void temper(const uint32_t *from, uint32_t *to, int n)
{
    for (int i = 0; i < n; i++) {
        uint32_t y = from[i];
        y ^= y >> 11;
        y ^= (y << 7) & 0x9d2c5680u;
        y ^= (y << 15) & 0xefc60000u;
        to[i] = y ^ (y >> 18);
    }
}

/* The next n words. */
static void take(Twister *twister, uint32_t *to, npy_intp n)
{
    while (n) {
        if (twister->position == WORDS) {
            next_block(twister->key);
            twister->position = 0;
        }
        const int left = WORDS - twister->position, count = n < left ? (int)n : left;
        temper(twister->key + twister->position, to, count);
        twister->position += count;
        to += count;
        n -= count;
    }
}

INLINE uint32_t next_word(Twister *twister)
{
    if (twister->position == WORDS) {
        next_block(twister->key);
        twister->position = 0;
    }
    uint32_t y = twister->key[twister->position++];
    y ^= y >> 11;
    y ^= (y << 7) & 0x9d2c5680u;
    y ^= (y << 15) & 0xefc60000u;
    return y ^ (y >> 18);
}

INLINE double next_uniform(Twister *twister)
{
    const uint64_t high = next_word(twister) & 0x1fffffu;
    return (double)(int64_t)(high << 32 | next_word(twister)) * 0x1p-53;
}

/* Whether NumPy keeps its state as assumed here: both give the same words. */
static int understood(bitgen_t *generator)
{
    static int known = -1;
    if (known < 0) {
        Twister *twister = generator->state;
        const Twister before = *twister;
        uint32_t ours[2 * WORDS];
        take(twister, ours, 2 * WORDS);
        *twister = before;
        known = 1;
        for (int i = 0; i < 2 * WORDS; i++) known &= generator->next_uint32(twister) == ours[i];
        *twister = before;
    }
    return known;
}

/* The state of a numpy.random.MT19937; NULL for anything else. */
static Twister *twister_of(PyObject *bits)
{
    static PyObject *name = NULL;
    static PyTypeObject *type = NULL; /* the last one that was MT19937 */
    if (Py_TYPE(bits) != type) {
        if (strcmp(Py_TYPE(bits)->tp_name, "numpy.random._mt19937.MT19937")) return NULL;
        Py_XSETREF(type, (PyTypeObject *)Py_NewRef(Py_TYPE(bits)));
    }
    if (!name && !(name = PyUnicode_InternFromString("capsule"))) return NULL;
    PyObject *capsule = PyObject_GetAttr(bits, name);
    bitgen_t *generator = capsule ? PyCapsule_GetPointer(capsule, "BitGenerator") : NULL;
    Py_XDECREF(capsule); /* `bits` keeps it */
    if (!generator) {
        PyErr_Clear();
        return NULL;
    }
    return understood(generator) ? generator->state : NULL;
}

/* ---- uniform numbers: the low 24 bits of a word, the low 53 of two */

#define PIECE 1024

CLONES static void to_uniform24(const uint32_t *words, float *to, npy_intp n)
{
    for (npy_intp i = 0; i < n; i++) to[i] = (float)(int32_t)(words[i] & 0xffffffu) * 0x1p-24f;
}

CLONES static void to_uniform53(const uint32_t *words, double *to, npy_intp n)
{
    for (npy_intp i = 0; i < n; i++)
        to[i] = ((int32_t)(words[2 * i] & 0x1fffffu) * 0x1p32 + (double)words[2 * i + 1]) * 0x1p-53;
}

static void uniform24(Twister *twister, float *to, npy_intp n)
{
    uint32_t words[PIECE];
    for (npy_intp count; n; n -= count, to += count) {
        count = n < PIECE ? n : PIECE;
        take(twister, words, count);
        to_uniform24(words, to, count);
    }
}

static void uniform53(Twister *twister, double *to, npy_intp n)
{
    uint32_t words[2 * PIECE];
    for (npy_intp count; n; n -= count, to += count) {
        count = n < PIECE ? n : PIECE;
        take(twister, words, 2 * count);
        to_uniform53(words, to, count);
    }
}

/* low + (high - low) u, and low where rounding reached the excluded end */
CLONES static void into_range32(float *x, npy_intp n, float low, float span, float high)
{
    for (npy_intp i = 0; i < n; i++) {
        const float y = fmaf(x[i], span, low);
        x[i] = y == high ? low : y;
    }
}

CLONES static void into_range64(double *x, npy_intp n, double low, double span, double high)
{
    for (npy_intp i = 0; i < n; i++) {
        const double y = fma(x[i], span, low);
        x[i] = y == high ? low : y;
    }
}

/* uniform(bits, out, low, high) */
static PyObject *uniform(PyObject *const *args, Py_ssize_t nargs)
{
    double low, high;
    if (nargs != 4 || !as_double(args[2], &low) || !as_double(args[3], &high)) DECLINE;
    const int single = is_dense(args[1], NPY_FLOAT32);
    if (!single && !is_dense(args[1], NPY_FLOAT64)) DECLINE;
    Twister *twister = twister_of(args[0]);
    if (!twister) DECLINE;
    const npy_intp n = SIZE(args[1]);
    const int plain = low == 0.0 && high == 1.0;
    THREADS_BEGIN(n);
    if (single) {
        float *out = DATA(float, args[1]);
        uniform24(twister, out, n);
        const float start = (float)low, end = (float)high;
        if (!plain) into_range32(out, n, start, end - start, end);
    } else {
        double *out = DATA(double, args[1]);
        uniform53(twister, out, n);
        if (!plain) into_range64(out, n, low, high - low, high);
    }
    THREADS_END;
    Py_RETURN_NONE;
}

/* ---- choices and integers */

CLONES static void choose53(const double *u, float *to, npy_intp n, double p, float one)
{
    for (npy_intp i = 0; i < n; i++) to[i] = u[i] < p ? one : 0.0f;
}

CLONES static void choose24(const float *u, const float *p, float *to, npy_intp n)
{
    for (npy_intp i = 0; i < n; i++) to[i] = u[i] < p[i] ? 1.0f : 0.0f;
}

CLONES static int are_chances(const float *p, npy_intp n)
{
    int good = 1;
    for (npy_intp i = 0; i < n; i++) good &= (p[i] >= 0.0f) & (p[i] <= 1.0f);
    return good;
}

/* bernoulli(bits, out, p, one): p a number, or an array of chances of the shape of out */
static PyObject *bernoulli(PyObject *const *args, Py_ssize_t nargs)
{
    double p, one;
    if (nargs != 4 || !is_dense(args[1], NPY_FLOAT32) || !as_double(args[3], &one)) DECLINE;
    const int each = is_dense(args[2], NPY_FLOAT32);
    if (each ? one != 1.0 || !SAME_SHAPE(args[1], args[2]) : !as_double(args[2], &p)) DECLINE;
    Twister *twister = twister_of(args[0]);
    if (!twister) DECLINE;
    npy_intp n = SIZE(args[1]);
    float *out = DATA(float, args[1]);
    if (each && !are_chances(DATA(float, args[2]), n)) DECLINE;
    THREADS_BEGIN(n);
    if (each) {
        const float *chances = DATA(float, args[2]);
        float u[PIECE];
        for (npy_intp count; n; n -= count, out += count, chances += count) {
            count = n < PIECE ? n : PIECE;
            uniform24(twister, u, count);
            choose24(u, chances, out, count);
        }
    } else {
        double u[PIECE];
        for (npy_intp count; n; n -= count, out += count) {
            count = n < PIECE ? n : PIECE;
            uniform53(twister, u, count);
            choose53(u, out, count, p, (float)one);
        }
    }
    THREADS_END;
    Py_RETURN_NONE;
}

/* word % span + low, where a quotient of doubles is never rounded up to a whole number:
   word < 2^32 and span < 2^28 */
CLONES static void to_integers(const uint32_t *words, int64_t *to, npy_intp n, double span,
                               int64_t low)
{
    for (npy_intp i = 0; i < n; i++) {
        const double word = words[i];
        to[i] = (int32_t)(word - trunc(word / span) * span) + low;
    }
}

/* integers(bits, out, low, span): of [low, low + span) */
static PyObject *integers(PyObject *const *args, Py_ssize_t nargs)
{
    npy_intp low, span;
    if (nargs != 4 || !is_dense(args[1], NPY_INT64)) DECLINE;
    if (!as_index(args[2], &low) || !as_index(args[3], &span) || span < 1) DECLINE;
    Twister *twister = twister_of(args[0]);
    if (!twister) DECLINE;
    npy_intp n = SIZE(args[1]);
    int64_t *out = DATA(int64_t, args[1]);
    uint32_t words[2 * PIECE];
    THREADS_BEGIN(n);
    for (npy_intp count; n; n -= count, out += count) {
        count = n < PIECE ? n : PIECE;
        if (span < (npy_intp)1 << 28) {
            take(twister, words, count);
            to_integers(words, out, count, (double)span, low);
        } else {
            take(twister, words, 2 * count);
            for (npy_intp i = 0; i < count; i++) {
                const uint64_t wide = (uint64_t)words[2 * i] << 32 | words[2 * i + 1];
                out[i] = (int64_t)(wide % (uint64_t)span + (uint64_t)low);
            }
        }
    }
    THREADS_END;
    Py_RETURN_NONE;
}

/* words[i] %= n - i */
CLONES static void to_distances(uint32_t *words, npy_intp count, npy_intp n)
{
    for (int i = 0; i < (int)count; i++) {
        const double word = words[i], left = (double)(int)(n - i);
        words[i] = (uint32_t)(int32_t)(word - trunc(word / left) * left);
    }
}

/* shuffle(bits, out): Fisher and Yates */
static PyObject *shuffle(PyObject *const *args, Py_ssize_t nargs)
{
    if (nargs != 2 || !is_dense(args[1], NPY_INT64)) DECLINE;
    const npy_intp n = SIZE(args[1]);
    if (n >= (npy_intp)1 << 27) DECLINE;
    Twister *twister = twister_of(args[0]);
    if (!twister) DECLINE;
    int64_t *out = DATA(int64_t, args[1]);
    uint32_t words[PIECE];
    THREADS_BEGIN(n);
    for (npy_intp i = 0; i < n; i++) out[i] = i;
    for (npy_intp start = 0, count; start < n - 1; start += count) {
        count = n - 1 - start < PIECE ? n - 1 - start : PIECE;
        take(twister, words, count);
        to_distances(words, count, n - start);
        for (npy_intp i = 0; i < count; i++) {
            int64_t *here = out + start + i, *there = here + words[i], kept = *here;
            *here = *there;
            *there = kept;
        }
    }
    THREADS_END;
    Py_RETURN_NONE;
}

/* exponential(bits, out, lambd): the C library's log1p, as PyTorch */
static PyObject *exponential(PyObject *const *args, Py_ssize_t nargs)
{
    double lambd;
    if (nargs != 3 || !as_double(args[2], &lambd)) DECLINE;
    const int single = is_dense(args[1], NPY_FLOAT32);
    if (!single && !is_dense(args[1], NPY_FLOAT64)) DECLINE;
    Twister *twister = twister_of(args[0]);
    if (!twister) DECLINE;
    const npy_intp n = SIZE(args[1]);
    const double factor = -1.0 / lambd;
    double u[PIECE];
    THREADS_BEGIN(n);
    for (npy_intp start = 0, count; start < n; start += count) {
        count = n - start < PIECE ? n - start : PIECE;
        uniform53(twister, u, count);
        for (npy_intp i = 0; i < count; i++) {
            const double x = factor * log1p(-u[i]);
            if (single) DATA(float, args[1])[start + i] = (float)x;
            else DATA(double, args[1])[start + i] = x;
        }
    }
    THREADS_END;
    Py_RETURN_NONE;
}

/* Whether a score comes before another; NaN comes last. */
INLINE int before(float a, float b)
{ return a > b || (b != b && a == a); }

/* The places of the k largest, the largest first, and of equal ones the first first. */
static void largest(const float *scores, npy_intp n, int64_t *to, npy_intp k)
{
    npy_intp found = 0; /* insertion into what was found so far */
    for (npy_intp i = 0; i < n; i++) {
        if (found == k && !before(scores[i], scores[to[k - 1]])) continue;
        npy_intp at = found < k ? found++ : k - 1;
        for (; at > 0 && before(scores[i], scores[to[at - 1]]); at--) to[at] = to[at - 1];
        to[at] = i;
    }
}

/* sample(bits, weights, n): without replacement, the n largest of weights / exponential numbers */
static PyObject *sample(PyObject *const *args, Py_ssize_t nargs)
{
    npy_intp k;
    if (nargs != 3 || !is_dense(args[1], NPY_FLOAT32) || !as_index(args[2], &k)) DECLINE;
    const int nd = PyArray_NDIM(ARRAY(args[1]));
    npy_intp shape[2], n = PyArray_DIM(ARRAY(args[1]), nd - 1), size = SIZE(args[1]);
    if (nd > 2 || k < 1 || k > n || k > 32 || size > PIECE) DECLINE;
    const float *weights = DATA(float, args[1]);
    for (npy_intp row = 0; row < size; row += n) {
        float sum = 0.0f;
        int good = 1;
        for (npy_intp i = row; i < row + n; i++) {
            good &= weights[i] >= 0.0f && weights[i] < INFINITY;
            if (weights[i] > 0.0f) sum = 1.0f;
        }
        if (!good || sum == 0.0f) DECLINE;
    }
    Twister *twister = twister_of(args[0]);
    if (!twister) DECLINE;
    memcpy(shape, PyArray_DIMS(ARRAY(args[1])), nd * sizeof(npy_intp));
    shape[nd - 1] = k;
    PyObject *places = new_array(nd, shape, NPY_INT64);
    if (!places) return NULL;
    double u[PIECE];
    float scores[PIECE];
    uniform53(twister, u, size);
    for (npy_intp i = 0; i < size; i++) scores[i] = weights[i] / (float)(-1.0 * log1p(-u[i]));
    for (npy_intp row = 0; row * n < size; row++)
        largest(scores + row * n, n, DATA(int64_t, places) + row * k, k);
    return places;
}

/* Hoermann, Insurance: Mathematics and Economics 12 (1993), algorithm PTRS. */
static double poisson_large(Twister *twister, double rate)
{
    const double log_rate = log(rate), b = 0.931 + 2.53 * sqrt(rate), a = -0.059 + 0.02483 * b;
    const double log_inverse_alpha = log(1.1239 + 1.1328 / (b - 3.4));
    const double v_r = 0.9277 - 3.6224 / (b - 2);
    for (;;) {
        const double u = next_uniform(twister) - 0.5, v = next_uniform(twister);
        const double us = 0.5 - fabs(u);
        const double x = us != 0.0 ? (2 * a / us + b) * u + rate + 0.43 : -INFINITY;
        const double k = fabs(x) < 0x1p63 ? floor(x) : -0x1p63; /* as C converts */
        if (us >= 0.07 && v <= v_r) return k;
        if (k < 0 || (us < 0.013 && v > us)) continue;
        if (log(v) + log_inverse_alpha - log(a / (us * us) + b)
            <= -rate + k * log_rate - lgamma(k + 1.0))
            return k;
    }
}

static double poisson_one(Twister *twister, double rate)
{
    if (rate >= 10) return poisson_large(twister, rate);
    if (rate == 0) return 0.0;
    const double limit = exp(-rate);
    double product = next_uniform(twister), count = 0.0;
    for (; product > limit; count += 1.0) product *= next_uniform(twister);
    return count;
}

/* poisson(bits, rates): as many uniforms as each needs. Its sums are the only ones of this file
   that round differently where a compiler fuses them; so there are no clones of it. */
static PyObject *poisson(PyObject *const *args, Py_ssize_t nargs)
{
    if (nargs != 2) DECLINE;
    const int single = is_dense(args[1], NPY_FLOAT32);
    if (!single && !is_dense(args[1], NPY_FLOAT64)) DECLINE;
    const npy_intp n = SIZE(args[1]);
    const float *narrow = PyArray_DATA(ARRAY(args[1]));
    const double *wide = PyArray_DATA(ARRAY(args[1]));
    for (npy_intp i = 0; i < n; i++)
        if (!((single ? narrow[i] : wide[i]) >= 0)) DECLINE;
    Twister *twister = twister_of(args[0]);
    if (!twister) DECLINE;
    PyObject *made = NEW_LIKE(args[1]);
    if (!made) return NULL;
    THREADS_BEGIN(n);
    for (npy_intp i = 0; i < n; i++) {
        const double count = poisson_one(twister, single ? narrow[i] : wide[i]);
        if (single) DATA(float, made)[i] = (float)count;
        else DATA(double, made)[i] = count;
    }
    THREADS_END;
    return made;
}

/* ---- normal numbers in groups of 16: uniforms k and k + 8 make normals k and k + 8

   PyTorch's float32 arithmetic is that of Cephes' logf and sincosf (S. Moshier) with fused steps:
   coefficients and the order of the operations are given by that. */

/* a b + c rounded once. Where that is no instruction: the product is exact in double, and rounding
   twice gives the same for all uniforms that there are (2^24, tried). */
#if defined(FP_FAST_FMAF) || defined(CLONED)
INLINE float fused(float a, float b, float c)
{ return fmaf(a, b, c); }
#else
INLINE float fused(float a, float b, float c)
{ return (float)((double)a * b + c); }
#endif

/* x = sqrt(-2 log(1 - u)) */
CLONES static void radii32(float *x, npy_intp n)
{
    for (npy_intp i = 0; i < n; i++) {
        const float u = 1.0f - x[i];
        int32_t bits;
        memcpy(&bits, &u, 4);
        int32_t whole = (bits >> 23) - 126;
        bits = (bits & 0x007fffff) | 0x3f000000;
        float m;
        memcpy(&m, &bits, 4);
        const int low = m < 0.707106781186547524f; /* then twice as large, one power less */
        whole -= low;
        const float r = (m - 1.0f) + (low ? m : 0.0f), e = (float)whole;
        float y = 7.0376836292e-2f;
        y = fused(y, r, -1.1514610310e-1f);
        y = fused(y, r, 1.1676998740e-1f);
        y = fused(y, r, -1.2420140846e-1f);
        y = fused(y, r, 1.4249322787e-1f);
        y = fused(y, r, -1.6668057665e-1f);
        y = fused(y, r, 2.0000714765e-1f);
        y = fused(y, r, -2.4999993993e-1f);
        y = fused(y, r, 3.3333331174e-1f);
        y *= r;
        const float z = r * r;
        y = fused(y, z, e * -2.12194440e-4f);
        y -= 0.5f * z;
        x[i] = sqrtf(-2.0f * ((r + y) + e * 0.693359375f));
    }
}

/* x = r cos(2 pi u), r = r sin(2 pi u): the angle comes into [-pi/4, pi/4] by subtracting an even
   multiple j of pi/4 in three parts; bits of j say which polynomial is which, and the signs */
CLONES static void turn32(float *r, float *u, npy_intp n)
{
    for (npy_intp i = 0; i < n; i++) {
        float x = u[i] * 6.28318530717958647f;
        int32_t j = (int32_t)(x * 1.27323954473516f);
        j = (j + 1) & ~1;
        x = fused((float)j, -0.78515625f, x);
        x = fused((float)j, -2.4187564849853515625e-4f, x);
        x = fused((float)j, -3.77489497744594108e-8f, x);
        const float z = x * x;
        float c = 2.443315711809948e-5f, s = -1.9515295891e-4f;
        c = fused(c, z, -1.388731625493765e-3f);
        s = fused(s, z, 8.3321608736e-3f);
        c = fused(c, z, 4.166664568298827e-2f);
        s = fused(s, z, -1.6666654611e-1f);
        c = fused(c * z, z, -0.5f * z) + 1.0f;
        s = fused(s * z, x, x);
        const int swap = (j & 2) != 0;
        const float cosine = swap ? s : c, sine = swap ? c : s;
        const float radius = r[i];
        r[i] = radius * (((j + 2) & 4) ? -cosine : cosine);
        u[i] = radius * ((j & 4) ? -sine : sine);
    }
}

CLONES static void scale32(float *x, npy_intp n, float mean, float std)
{
    for (npy_intp i = 0; i < n; i++) x[i] = fmaf(x[i], std, mean);
}

CLONES static void scale64(double *x, npy_intp n, double mean, double std)
{
    for (npy_intp i = 0; i < n; i++) x[i] = fma(x[i], std, mean);
}

/* n float32 normals (a multiple of 16) of as many uniforms, in place; with mean 0 and deviation 1
   the scaling makes +0 of -0 */
static void groups32(float *x, npy_intp n, double mean, double std)
{
    float a[PIECE / 2], b[PIECE / 2];
    for (npy_intp count; n; n -= count, x += count) {
        count = n < PIECE ? n : PIECE;
        for (npy_intp k = 0; k < count / 16; k++) {
            memcpy(a + 8 * k, x + 16 * k, 32);
            memcpy(b + 8 * k, x + 16 * k + 8, 32);
        }
        radii32(a, count / 2);
        turn32(a, b, count / 2);
        for (npy_intp k = 0; k < count / 16; k++) {
            memcpy(x + 16 * k, a + 8 * k, 32);
            memcpy(x + 16 * k + 8, b + 8 * k, 32);
        }
        scale32(x, count, (float)mean, (float)std);
    }
}

static void groups64(double *x, npy_intp n, double mean, double std)
{
    for (npy_intp k = 0; k < n; k += 16)
        for (double *a = x + k, *b = a + 8; a < x + k + 8; a++, b++) {
            const double radius = sqrt(-2.0 * log(1.0 - *a)), angle = 2.0 * M_PI * *b;
            *a = radius * cos(angle);
            *b = radius * sin(angle);
        }
    scale64(x, n, mean, std);
}

/* normal_groups(bits, out, mean, std): 16 numbers or more; an incomplete group is covered by
   drawing the last 16 again */
static PyObject *normal_groups(PyObject *const *args, Py_ssize_t nargs)
{
    double mean, std;
    if (nargs != 4 || !as_double(args[2], &mean) || !as_double(args[3], &std)) DECLINE;
    const int single = is_dense(args[1], NPY_FLOAT32);
    if (!single && !is_dense(args[1], NPY_FLOAT64)) DECLINE;
    const npy_intp n = SIZE(args[1]), whole = n & ~(npy_intp)15;
    if (n < 16) DECLINE;
    Twister *twister = twister_of(args[0]);
    if (!twister) DECLINE;
    THREADS_BEGIN(n);
    if (single) {
        float *out = DATA(float, args[1]);
        uniform24(twister, out, n);
        groups32(out, whole, mean, std);
        if (n > whole) {
            uniform24(twister, out + n - 16, 16);
            groups32(out + n - 16, 16, mean, std);
        }
    } else {
        double *out = DATA(double, args[1]);
        uniform53(twister, out, n);
        groups64(out, whole, mean, std);
        if (n > whole) {
            uniform53(twister, out + n - 16, 16);
            groups64(out + n - 16, 16, mean, std);
        }
    }
    THREADS_END;
    Py_RETURN_NONE;
}

/* normal_pairs(bits, out, mean, std, spare): in float64 two at a time, with the one left over from
   the draw before (or None); returns the one that is left over now */
static PyObject *normal_pairs(PyObject *const *args, Py_ssize_t nargs)
{
    double mean, std, spare = 0.0;
    if (nargs != 5 || !as_double(args[2], &mean) || !as_double(args[3], &std)) DECLINE;
    const int single = is_dense(args[1], NPY_FLOAT32);
    if (!single && !is_dense(args[1], NPY_FLOAT64)) DECLINE;
    int kept = args[4] != Py_None;
    if (kept && !as_double(args[4], &spare)) DECLINE;
    Twister *twister = twister_of(args[0]);
    if (!twister) DECLINE;
    const npy_intp n = SIZE(args[1]);
    const int plain = mean == 0.0 && std == 1.0;
    for (npy_intp i = 0; i < n; i++) {
        double x = spare;
        if (!kept) {
            double u[2];
            uniform53(twister, u, 2);
            const double radius = sqrt(-2.0 * log1p(-u[1])), angle = 2.0 * M_PI * u[0];
            x = radius * cos(angle);
            spare = radius * sin(angle);
        }
        kept = !kept;
        if (!plain) x = fma(x, std, mean);
        if (single) DATA(float, args[1])[i] = (float)x;
        else DATA(double, args[1])[i] = x;
    }
    if (!kept) Py_RETURN_NONE;
    return PyFloat_FromDouble(spare);
}

const Row random_rows[] = {
    {"random.fills.bernoulli", bernoulli},
    {"random.fills.exponential", exponential},
    {"random.fills.integers", integers},
    {"random.fills.normal_groups", normal_groups},
    {"random.fills.normal_pairs", normal_pairs},
    {"random.fills.poisson", poisson},
    {"random.fills.sample", sample},
    {"random.permutation.shuffle", shuffle},
    {"random.fills.uniform", uniform},
    {NULL, NULL},
};
