/* Special functions of float32, computed in float64: kernels/tables.py, and sin x / x.

   Most are read from tables of cubics: a function is computed exactly, but slowly, in four points
   of each of many short intervals, once, when it is first called; then an element costs the row of
   its interval and a polynomial of degree 3, and float32 results are rounded once but for the last
   bit (0.6 ulp, except near zeros of waves). What lies outside of a table is computed exactly.
   Functions of two operands, and polygamma, sum their series over a whole block of elements. */

#include <math.h>
#include <stdlib.h>
#include "vector_math.h"

#define PI 3.14159265358979323846
#define EULER 0.57721566490153286061 /* Euler's constant */
#define LOG_2 0.69314718055994530942
#define ROOT_HALF 0.70710678118654752440
#define ROOT_PI 1.77245385090551602730

/* ---- float64 functions without branches, exact to 1e-15 or so; arguments are ordinary numbers */

INLINE double bits_to_double(int64_t i)
{
    double d;
    memcpy(&d, &i, 8);
    return d;
}
INLINE int64_t double_to_bits(double d)
{
    int64_t i;
    memcpy(&i, &d, 8);
    return i;
}

#define ROUNDER_64 6755399441055744.0 /* 1.5 2^52: adding it rounds to an integer */

/* exp(x) for |x| < 700: 2^n exp(r), by the series of exp */
INLINE double exp64(double x)
{
    const double shifted = x * (1.0 / LOG_2) + ROUNDER_64, n = shifted - ROUNDER_64;
    const double r = (x - n * 0.693147180369123816490) - n * 1.90821492927058770002e-10;
    double y = 1.0 / 39916800.0;
    y = y * r + 1.0 / 3628800.0;
    y = y * r + 1.0 / 362880.0;
    y = y * r + 1.0 / 40320.0;
    y = y * r + 1.0 / 5040.0;
    y = y * r + 1.0 / 720.0;
    y = y * r + 1.0 / 120.0;
    y = y * r + 1.0 / 24.0;
    y = y * r + 1.0 / 6.0;
    y = y * r + 0.5;
    y = y * r + 1.0;
    y = y * r + 1.0;
    const uint64_t power = (uint64_t)double_to_bits(shifted) - (uint64_t)double_to_bits(ROUNDER_64);
    return y * bits_to_double((int64_t)((power + 1023) << 52));
}

/* log(x) for ordinary x > 0: x = m 2^e, log m = 2 artanh((m - 1)/(m + 1)) by its series */
INLINE double log64(double x)
{
    const int64_t root_half = 0x3fe6a09e667f3bcdLL;
    const int64_t i = (int64_t)((uint64_t)double_to_bits(x) - (uint64_t)root_half);
    const double m = bits_to_double((i & 0xfffffffffffffLL) + root_half);
    /* the exponent as a number: the low bits of 1.5 2^52 */
    const double e = bits_to_double((i >> 52) + double_to_bits(ROUNDER_64)) - ROUNDER_64;
    const double s = (m - 1.0) / (m + 1.0), z = s * s;
    double y = 1.0 / 19.0;
    y = y * z + 1.0 / 17.0;
    y = y * z + 1.0 / 15.0;
    y = y * z + 1.0 / 13.0;
    y = y * z + 1.0 / 11.0;
    y = y * z + 1.0 / 9.0;
    y = y * z + 1.0 / 7.0;
    y = y * z + 1.0 / 5.0;
    y = y * z + 1.0 / 3.0;
    return e * LOG_2 + (2.0 * s + 2.0 * s * z * y);
}

/* sin(x) for |x| < 1e6: x = n pi + r, by the series of sin */
INLINE double sin64(double x)
{
    const double shifted = x * (1.0 / PI) + ROUNDER_64, n = shifted - ROUNDER_64;
    const double r = (x - n * 3.14159265160560607910) - n * 1.98418714791870343106e-9;
    const double z = r * r;
    double y = 1.0 / 355687428096000.0;
    y = y * z - 1.0 / 1307674368000.0;
    y = y * z + 1.0 / 6227020800.0;
    y = y * z - 1.0 / 39916800.0;
    y = y * z + 1.0 / 362880.0;
    y = y * z - 1.0 / 5040.0;
    y = y * z + 1.0 / 120.0;
    y = y * z - 1.0 / 6.0;
    y = r + r * z * y;
    const uint64_t odd = (uint64_t)double_to_bits(shifted) << 63; /* of odd n it is -sin r */
    return bits_to_double((int64_t)((uint64_t)double_to_bits(y) ^ odd));
}

/* log Gamma(z) for z >= 15: the series of Stirling */
INLINE double stirling(double z)
{
    const double w = 1.0 / z, v = w * w;
    double y = 1.0 / 1188.0;
    y = y * v - 1.0 / 1680.0;
    y = y * v + 1.0 / 1260.0;
    y = y * v - 1.0 / 360.0;
    y = y * v + 1.0 / 12.0;
    return (z - 0.5) * log64(z) - z + 0.91893853320467274178 + y * w; /* log(2 pi)/2 */
}

/* ---- sin x / x: what has no series above goes to the C library */

#define WAVE(name, argument, at_infinity)                                                          \
    CLONES static int name##_usual(const float *from, float *to, npy_intp n)                       \
    {                                                                                              \
        int all = 1;                                                                               \
        for (npy_intp i = 0; i < n; i++) {                                                         \
            const float x = from[i], y = argument;                                                 \
            const float made = (float)(sin64(y) / y);                                              \
            to[i] = y == 0.0f ? 1.0f : made;                                                       \
            all &= fabsf(y) < 1e6f;                                                                \
        }                                                                                          \
        return all;                                                                                \
    }                                                                                              \
    static void name##_loop(const float *from, float *to, npy_intp n)                              \
    {                                                                                              \
        if (name##_usual(from, to, n)) return;                                                     \
        for (npy_intp i = 0; i < n; i++) {                                                         \
            const float x = from[i], y = argument;                                                 \
            if (!(fabsf(y) < 1e6f))                                                                \
                to[i] = fabsf(y) == INFINITY ? at_infinity : (float)(sin(y) / y);                  \
        }                                                                                          \
    }                                                                                              \
    static PyObject *name(PyObject *const *args, Py_ssize_t nargs)                                 \
    {                                                                                              \
        if (nargs != 1 || !is_dense(args[0], NPY_FLOAT32)) DECLINE; /* not in place */             \
        return map_float32(name##_loop, args[0]);                                                  \
    }

WAVE(sinc, x * 3.14159274f, NAN)
WAVE(spherical_bessel_j0, x, 0.0f)

/* ---- tables */

typedef double (*function64)(double);

typedef struct {
    const double low, per; /* where it begins; rows for each unit */
    const int count;       /* of rows */
    const function64 exact, factor;
    double *rows; /* made when it is first used; a row of NaN at either end */
} Table;

/* The coefficients of the cubics in the place within each interval, from 0 to 1, lowest power
   first: through the Chebyshev points. Divided by `factor`, so that zeros and poles stay exact. */
static const double *rows_of(Table *table)
{
    if (table->rows) return table->rows;
    double *rows = malloc(sizeof(double) * 4 * (table->count + 2));
    if (!rows) {
        PyErr_NoMemory();
        return NULL;
    }
    double place[4];
    for (int k = 0; k < 4; k++) place[k] = (1.0 + cos((2 * k + 1) * PI / 8.0)) / 2.0;
    for (int i = 0; i < 4; i++) rows[i] = rows[4 * (table->count + 1) + i] = NAN;
    for (int row = 0; row < table->count; row++) {
        double d[4]; /* divided differences */
        for (int k = 0; k < 4; k++) {
            const double x = table->low + (row + place[k]) / table->per;
            d[k] = table->exact(x) / (table->factor ? table->factor(x) : 1.0);
        }
        for (int order = 1; order < 4; order++)
            for (int k = 3; k >= order; k--)
                d[k] = (d[k] - d[k - 1]) / (place[k] - place[k - order]);
        double *c = rows + 4 * (row + 1);
        c[0] = d[3], c[1] = c[2] = c[3] = 0.0;
        for (int k = 2; k >= 0; k--) { /* c(t) (t - place[k]) + d[k] */
            for (int power = 3; power > 0; power--) c[power] = c[power - 1] - place[k] * c[power];
            c[0] = d[k] - place[k] * c[0];
        }
    }
    table->rows = rows;
    return rows;
}

/* The cubic of x; NaN outside of the table. */
INLINE double in_table(const double *rows, double low, double per, int count, double x)
{
    double place = (x - low) * per + 1.0;
    place = place > 0.0 ? place : 0.0; /* NaN too */
    place = place < count + 1.0 ? place : count + 1.0;
    const int row = (int)place;
    const double t = place - row, *c = rows + 4 * row;
    return ((c[3] * t + c[2]) * t + c[1]) * t + c[0];
}

/* TABLED(name, low, high, rows for each unit, exact, argument, factor, result): the kernel.
   argument: what is looked up for x; result: y of the table, times the factor. */
#define TABLED(name, low, high, per, exact_, argument, factor_, multiplied)                        \
    static Table name##_table = {low, per, (high - low) * per, exact_, factor_, NULL};             \
    CLONES static void name##_loop(const double *rows, const float *from, float *to, npy_intp n)   \
    {                                                                                              \
        int all = 1;                                                                               \
        for (npy_intp i = 0; i < n; i++) {                                                         \
            const double x = from[i];                                                              \
            const double y = in_table(rows, low, per, (high - low) * per, argument);               \
            to[i] = (float)(multiplied);                                                           \
            all &= y == y;                                                                         \
        }                                                                                          \
        for (npy_intp i = 0; !all && i < n; i++)                                                   \
            if (to[i] != to[i]) to[i] = (float)exact_(from[i]);                                    \
    }                                                                                              \
    static PyObject *name(PyObject *const *args, Py_ssize_t nargs)                                 \
    {                                                                                              \
        if (nargs != 1 || !is_dense(args[0], NPY_FLOAT32)) DECLINE;                                \
        const double *rows = rows_of(&name##_table);                                               \
        PyObject *made = rows ? NEW_LIKE(args[0]) : NULL;                                          \
        if (!made) return NULL;                                                                    \
        const npy_intp n = SIZE(made);                                                             \
        THREADS_BEGIN(n);                                                                          \
        name##_loop(rows, DATA(float, args[0]), DATA(float, made), n);                             \
        THREADS_END;                                                                               \
        return made;                                                                               \
    }

static double itself(double x)
{ return x; }

/* ---- Bessel functions */

/* I_order(x) e^-|x|: the power series, whose terms have one sign, or the asymptotic one */
static double scaled_i(int order, double x)
{
    const double a = fabs(x), sign = order && x < 0.0 ? -1.0 : 1.0;
    if (a != a || a == INFINITY) return a != a ? a : 0.0;
    if (a < 25.0) {
        const double square = a * a / 4.0;
        double term = order ? a / 2.0 : 1.0, sum = term;
        for (int k = 1; term > 1e-17 * sum; k++) {
            term *= square / (k * (double)(k + order));
            sum += term;
        }
        return sign * sum * exp(-a);
    }
    double term = 1.0, sum = 1.0;
    for (int k = 1; k < 30 && fabs(term) > 1e-17; k++) {
        const double odd = 2 * k - 1;
        term *= (odd * odd - 4.0 * order) / (8.0 * k * a);
        sum += term;
    }
    return sign * sum / sqrt(2.0 * PI * a);
}

static double exact_i0e(double x)
{ return scaled_i(0, x); }
static double exact_i1e(double x)
{ return scaled_i(1, x); }
static double exact_i0(double x)
{ return scaled_i(0, x) * exp(fabs(x)); } /* 0 inf: NaN */
static double exact_i1(double x)
{ return scaled_i(1, x) * exp(fabs(x)); }

/* The series around 0 that K and Y share, with the logarithm of x: square is x^2/4, or -x^2/4 */
static double log_series(int order, double x, double square)
{
    const double logarithm = log(x / 2.0) + EULER;
    double term = order ? x / 2.0 : 1.0, harmonic = 0.0, sum = 0.0;
    for (int k = 0; k < 20 && fabs(term) > 1e-18 * fabs(sum); k++) {
        const double next = harmonic + 1.0 / (k + 1.0);
        sum += order ? term * (logarithm - (harmonic + next) / 2.0) : term * (harmonic - logarithm);
        harmonic = next;
        term *= square / ((k + 1.0) * (k + 1.0 + order));
    }
    return sum;
}

/* K_order(x) e^x: the series at 0, or the integral of exp(-x (cosh t - 1)) cosh(order t) by the
   trapezoidal rule, which converges exponentially */
static double scaled_k(int order, double x)
{
    if (x <= 0.0 || x != x) return x == 0.0 ? INFINITY : NAN;
    if (x == INFINITY) return 0.0;
    if (x < 1.0) {
        const double sum = log_series(order, x, x * x / 4.0);
        return exp(x) * (order ? 1.0 / x + sum : sum);
    }
    const double step = x < 100.0 ? 1.0 / 16.0 : 0.3 / sqrt(x);
    double sum = 0.5;
    for (int k = 1;; k++) {
        const double t = k * step, half = sinh(t / 2.0), term = exp(-2.0 * x * half * half);
        sum += term * (order ? cosh(t) : 1.0);
        if (term < 1e-18) return sum * step;
    }
}

static double exact_k0e(double x)
{ return scaled_k(0, x); }
static double exact_k1e(double x)
{ return scaled_k(1, x); }
static double exact_k0(double x)
{ return x > 800.0 ? 0.0 : scaled_k(0, x) * exp(-x); }
static double exact_k1(double x)
{ return x > 800.0 ? 0.0 : scaled_k(1, x) * exp(-x); }

TABLED(i0, 0, 16, 32, exact_i0, fabs(x), NULL, y)
TABLED(i0e, 0, 16, 32, exact_i0e, fabs(x), NULL, y)
TABLED(i1, 0, 16, 32, exact_i1, fabs(x), itself, y *x)
TABLED(i1e, 0, 16, 32, exact_i1e, fabs(x), itself, y *x)
TABLED(k0, 0.25, 32.25, 128, exact_k0, x, NULL, y)
TABLED(k1, 0.25, 32.25, 128, exact_k1, x, NULL, y)
TABLED(k0e, 0.25, 32.25, 128, exact_k0e, x, NULL, y)
TABLED(k1e, 0.25, 32.25, 128, exact_k1e, x, NULL, y)

/* J and Y are in the C library, but for the edges; at infinity PyTorch has NaN. */
#ifdef _WIN32
#define j0 _j0
#define j1 _j1
#define y0 _y0
#define y1 _y1
#endif

static double exact_j0(double x)
{ return fabs(x) < INFINITY ? j0(x) : NAN; }
static double exact_j1(double x)
{ return fabs(x) < INFINITY ? j1(x) : NAN; }

static double exact_y0(double x)
{
    if (!(x > 0.0 && x < INFINITY)) return x == 0.0 ? -INFINITY : NAN;
    return x < 0.5 ? -2.0 / PI * log_series(0, x, -x * x / 4.0) : y0(x);
}

static double exact_y1(double x)
{
    if (!(x > 0.0 && x < INFINITY)) return x == 0.0 ? -INFINITY : NAN;
    return x < 0.5 ? 2.0 / PI * (log_series(1, x, -x * x / 4.0) - 1.0 / x) : y1(x);
}

TABLED(bessel_j0, 0, 32, 128, exact_j0, fabs(x), NULL, y)
TABLED(bessel_j1, 0, 32, 128, exact_j1, fabs(x), itself, y *x)
TABLED(bessel_y0, 0.25, 32.25, 128, exact_y0, x, NULL, y)
TABLED(bessel_y1, 0.25, 32.25, 128, exact_y1, x, NULL, y)

/* Ai(x): its power series near 0, an integral to the right (that of K_1/3), far to the left the
   asymptotic series */
static double exact_airy(double x)
{
    if (!(fabs(x) < INFINITY)) return NAN;
    const double size = fabs(x), zeta = 2.0 / 3.0 * size * sqrt(size);
    if (x > 1.5) {
        if (x > 110.0) return 0.0;
        double sum = 0.5;
        const double step = 1.0 / 16.0;
        for (int k = 1;; k++) {
            const double t = k * step, half = sinh(t / 2.0), term = exp(-2.0 * zeta * half * half);
            sum += term * cosh(t / 3.0);
            if (term < 1e-18) return sqrt(x / 3.0) / PI * exp(-zeta) * sum * step;
        }
    }
    if (x > -8.0) {
        const double cube = x * x * x;
        double f = 1.0, g = x, one = 1.0, two = x;
        for (int k = 1; k < 80; k++) {
            one *= cube / (3.0 * k * (3.0 * k - 1.0));
            two *= cube / (3.0 * k * (3.0 * k + 1.0));
            f += one;
            g += two;
        }
        return 0.35502805388781723926 * f - 0.25881940379280679840 * g;
    }
    double term = 1.0, even = 1.0, odd = 0.0;
    for (int k = 1; k < 16; k++) { /* u_k / zeta^k, signs + + - - */
        const double next = term * (6.0 * k - 5.0) * (6.0 * k - 3.0) * (6.0 * k - 1.0)
                            / (216.0 * k * (2.0 * k - 1.0) * zeta);
        if (next > term) break;
        term = next;
        if (k % 2) odd += k % 4 == 1 ? term : -term;
        else even += k % 4 == 0 ? term : -term;
    }
    const double phase = zeta + PI / 4.0;
    return (sin(phase) * even - cos(phase) * odd) / (ROOT_PI * sqrt(sqrt(size)));
}

TABLED(airy_ai, -8, 8, 128, exact_airy, x, NULL, y)

/* ---- gamma functions of one operand */

static double exact_lgamma(double x)
{ return fabs(x) == INFINITY ? INFINITY : lgamma(x); }
static double at_one_and_two(double x)
{ return (x - 1.0) * (x - 2.0); }

/* The recurrence up to 10, then the asymptotic series; reflected where negative. */
static double exact_digamma(double x)
{
    if (x == 0.0) return -copysign(INFINITY, x);
    if (x < 0.0) {
        const double part = x - rint(x); /* NaN of -infinity */
        return part == 0.0 ? NAN : exact_digamma(1.0 - x) - PI / tan(PI * part);
    }
    double sum = 0.0;
    for (; x < 10.0; x += 1.0) sum -= 1.0 / x;
    const double v = 1.0 / (x * x);
    double y = 691.0 / 32760.0;
    y = y * v - 1.0 / 132.0;
    y = y * v + 1.0 / 240.0;
    y = y * v - 1.0 / 252.0;
    y = y * v + 1.0 / 120.0;
    y = y * v - 1.0 / 12.0;
    return sum + log(x) - 0.5 / x + y * v;
}

/* 0.0: no -0.0 at 1 */
TABLED(lgamma_kernel, 0.25, 32.25, 128, exact_lgamma, x, at_one_and_two,
       y *((x - 1.0) * (x - 2.0)) + 0.0)
TABLED(digamma, 0.25, 32.25, 128, exact_digamma, x, NULL, y)

/* ---- the normal distribution */

/* exp(x^2) erfc(x) */
static double exact_erfcx(double x)
{
    if (x < 0.0) return 2.0 * exp(x * x) - exact_erfcx(-x);
    if (x < 5.0) return exp(x * x) * erfc(x);
    double rest = 0.0; /* the continued fraction, from its end */
    for (int k = 60; k > 0; k--) rest = k / 2.0 / (x + rest);
    return 1.0 / (ROOT_PI * (x + rest));
}

static double exact_log_ndtr(double x)
{
    if (x < -1.0) return x == -INFINITY ? x : log(exact_erfcx(-x * ROOT_HALF) / 2.0) - x * x / 2.0;
    return log1p(-erfc(x * ROOT_HALF) / 2.0);
}

/* The quantile below 1/2 whose probability is exp(-s^2/2), by Newton's method for log_ndtr, which
   is concave: from the left every step goes right, and none too far. */
static double lower_quantile(double s)
{
    double x = -s;
    for (int k = 0; k < 60; k++) {
        const double gap = -s * s / 2.0 - exact_log_ndtr(x);
        const double slope = sqrt(2.0 / PI) / exact_erfcx(-x * ROOT_HALF), step = gap / slope;
        x += step;
        if (fabs(step) < 1e-15 * fabs(x) || fabs(step) < 1e-300) break;
    }
    return x;
}

static Table tail_table = {2.0, 64, 14 * 64, lower_quantile, NULL, NULL};

static double slow_ndtri(double p)
{
    if (p <= 0.0 || p >= 1.0 || p != p) return p == 0.0 ? -INFINITY : p == 1.0 ? INFINITY : NAN;
    const double small = p < 0.5 ? p : 1.0 - p, s = sqrt(-2.0 * log(small));
    double x = s < 2.0 ? NAN : in_table(tail_table.rows, 2.0, 64, 14 * 64, s);
    if (x != x) x = small == 0.5 ? 0.0 : lower_quantile(s);
    return p < 0.5 ? x : -x;
}

static double from_half(double p)
{ return p - 0.5; }

TABLED(erfcx, -4, 16, 128, exact_erfcx, x, NULL, y)
TABLED(log_ndtr, -16, 6, 128, exact_log_ndtr, x, NULL, y)
TABLED(ndtri_near, 0.0625, 0.9375, 1024, slow_ndtri, x, from_half, y *(x - 0.5))

static PyObject *ndtri(PyObject *const *args, Py_ssize_t nargs)
{ return rows_of(&tail_table) ? ndtri_near(args, nargs) : NULL; }

/* ---- series over blocks of elements */

enum { BLOCK = 64 };

/* Bernoulli numbers B_2, B_4, ... over (2j)! */
static const double BERNOULLI[] = {
    1.0 / 12.0,       -1.0 / 720.0,     1.0 / 30240.0,
    -1.0 / 1209600.0, 1.0 / 47900160.0, -691.0 / 1307674368000.0,
};

/* polygamma(n, x) = -(-1)^n n! zeta(n + 1, x): terms one by one up to x + 10, and the sum of the
   rest by Euler and Maclaurin */
CLONES static void polygamma_block(const float *from, float *to, npy_intp size, int n)
{
    double sum[BLOCK], one[BLOCK], power[BLOCK], rest[BLOCK];
    double scale = n % 2 ? 1.0 : -1.0;
    for (int k = 2; k <= n; k++) scale *= k;
    for (npy_intp i = 0; i < size; i++) sum[i] = 0.0;
    for (int k = 0; k < 10; k++) {
        for (npy_intp i = 0; i < size; i++) power[i] = one[i] = 1.0 / (from[i] + (double)k);
        for (int j = 0; j < n; j++)
            for (npy_intp i = 0; i < size; i++) power[i] *= one[i];
        for (npy_intp i = 0; i < size; i++) sum[i] += power[i];
    }
    double factor[6]; /* B_2j/(2j)! s (s + 1) ... (s + 2j - 2) for s = n + 1 */
    double rising = n + 1.0;
    for (int j = 0; j < 6; j++) {
        factor[j] = BERNOULLI[j] * rising;
        rising *= (n + 2.0 + 2 * j) * (n + 3.0 + 2 * j);
    }
    for (npy_intp i = 0; i < size; i++) {
        const double w = 1.0 / (from[i] + 10.0), v = w * w;
        one[i] = power[i] = w;
        double y = factor[5];
        for (int j = 4; j >= 0; j--) y = y * v + factor[j];
        rest[i] = (y * w + 0.5) * w; /* times w^n, with the integral */
    }
    for (int j = 1; j < n; j++)
        for (npy_intp i = 0; i < size; i++) power[i] *= one[i];
    for (npy_intp i = 0; i < size; i++)
        to[i] = (float)(scale * (sum[i] + power[i] * (1.0 / n + rest[i])));
}

static PyObject *polygamma(PyObject *const *args, Py_ssize_t nargs)
{
    npy_intp n;
    if (nargs != 2 || !is_dense(args[0], NPY_FLOAT32) || !as_index(args[1], &n)) DECLINE;
    if (n < 1 || n > 10) DECLINE;
    const npy_intp count = SIZE(args[0]);
    const float *from = DATA(float, args[0]);
    int all = 1;
    for (npy_intp i = 0; i < count; i++) all &= from[i] > 0.0f && from[i] < INFINITY;
    if (!all) DECLINE;
    PyObject *made = NEW_LIKE(args[0]);
    if (!made) return NULL;
    float *to = DATA(float, made);
    THREADS_BEGIN(count);
    for (npy_intp i = 0; i < count; i += BLOCK)
        polygamma_block(from + i, to + i, count - i < BLOCK ? count - i : BLOCK, (int)n);
    THREADS_END;
    return made;
}

typedef int (*pairs32)(const float *a, const float *b, float *to, npy_intp n);

/* Two dense operands of one shape through a loop that answers whether it knew them all. */
static PyObject *map_pairs(pairs32 loop, PyObject *const *args, Py_ssize_t nargs)
{
    if (nargs != 2 || !is_dense(args[0], NPY_FLOAT32) || !is_dense(args[1], NPY_FLOAT32)) DECLINE;
    if (!SAME_SHAPE(args[0], args[1])) DECLINE;
    PyObject *made = NEW_LIKE(args[0]);
    if (!made) return NULL;
    const npy_intp n = SIZE(made);
    const float *a = DATA(float, args[0]), *b = DATA(float, args[1]);
    float *to = DATA(float, made);
    int known;
    THREADS_BEGIN(n);
    known = loop(a, b, to, n);
    THREADS_END;
    if (known) return made;
    Py_DECREF(made);
    DECLINE;
}

/* zeta(s, q), the sum of (q + k)^-s, in the same way */
CLONES static void zeta_block(const float *s, const float *q, float *to, npy_intp size)
{
    double sum[BLOCK];
    for (npy_intp i = 0; i < size; i++) sum[i] = 0.0;
    for (int k = 0; k < 8; k++)
        for (npy_intp i = 0; i < size; i++) sum[i] += exp64(-s[i] * log64(q[i] + (double)k));
    for (npy_intp i = 0; i < size; i++) {
        const double a = s[i], z = q[i] + 8.0, w = 1.0 / z, v = w * w;
        double rest = BERNOULLI[5];
        rest = BERNOULLI[4] + rest * ((a + 9.0) * (a + 10.0) * v);
        rest = BERNOULLI[3] + rest * ((a + 7.0) * (a + 8.0) * v);
        rest = BERNOULLI[2] + rest * ((a + 5.0) * (a + 6.0) * v);
        rest = BERNOULLI[1] + rest * ((a + 3.0) * (a + 4.0) * v);
        rest = BERNOULLI[0] + rest * ((a + 1.0) * (a + 2.0) * v);
        to[i] = (float)(sum[i] + exp64(-a * log64(z)) * (z / (a - 1.0) + 0.5 + a * w * rest));
    }
}

static int zeta_loop(const float *a, const float *b, float *to, npy_intp n)
{
    int known = 1;
    for (npy_intp i = 0; i < n; i++)
        known &= (a[i] > 1.0f) & (a[i] < 20.0f) & (b[i] > 1e-9f) & (b[i] < 1e9f);
    for (npy_intp i = 0; known && i < n; i += BLOCK)
        zeta_block(a + i, b + i, to + i, n - i < BLOCK ? n - i : BLOCK);
    return known;
}

/* The incomplete gamma functions. Where x is small,
   x^a e^-x sum of x^k/Gamma(a + k + 1) = exp(a log x - x - log Gamma(a + TERMS + 1)) p, where
   p = sum of x^k (a + k + 1) ... (a + TERMS), so no term needs a division. */
enum { TERMS = 44 };

INLINE int series_suffices(float a, float x)
{ return (a > 0.01f) & (a < 30.0f) & (x > 1e-30f) & (x < 8.0f); }

CLONES static void lower_gamma_block(const float *a, const float *x, double *to, npy_intp size)
{
    double p[BLOCK], product[BLOCK];
    for (npy_intp i = 0; i < size; i++) p[i] = product[i] = 1.0;
    for (int k = TERMS; k > 0; k--) /* from the last term to the first */
        for (npy_intp i = 0; i < size; i++) {
            product[i] *= a[i] + (double)k;
            p[i] = p[i] * x[i] + product[i];
        }
    for (npy_intp i = 0; i < size; i++) {
        const double power = a[i] * log64(x[i]) - x[i] - stirling(a[i] + (TERMS + 1.0));
        to[i] = exp64(power > -700.0 ? power : -700.0) * p[i];
    }
}

/* The continued fraction of Gamma(a, x) over Gamma(a), from its beginning (Lentz). */
static double upper_fraction(double a, double x)
{
    double b = x + 1.0 - a, c = 1e300, d = 1.0 / b, made = d;
    for (int k = 1; k < 10000; k++) {
        const double up = -k * (k - a);
        b += 2.0;
        d = 1.0 / (up * d + b);
        c = b + up / c;
        const double factor = c * d;
        made *= factor;
        if (fabs(factor - 1.0) < 1e-15) break;
    }
    return exp(a * log(x) - x - lgamma(a)) * made;
}

static double lower_series(double a, double x)
{
    double term = 1.0 / a, sum = term;
    for (int k = 1; k < 10000 && term > 1e-17 * sum; k++) {
        term *= x / (a + k);
        sum += term;
    }
    return exp(a * log(x) - x - lgamma(a)) * sum;
}

/* One pair; NaN where neither expansion is good, which the twin knows. */
static double any_gamma(double a, double x, int upper)
{
    if (!(a > 0.0 && a < 300.0 && x > 0.0 && x < 1000.0)) return NAN;
    if (x > a + 1.0) return upper ? upper_fraction(a, x) : 1.0 - upper_fraction(a, x);
    const double lower = lower_series(a, x);
    if (!upper) return lower;
    return lower < 0.999 ? 1.0 - lower : NAN; /* little is left */
}

static int incomplete_gamma(const float *a, const float *x, float *to, npy_intp n, int upper)
{
    double lower[BLOCK];
    int known = 1;
    for (npy_intp start = 0; start < n && known; start += BLOCK) {
        const npy_intp size = n - start < BLOCK ? n - start : BLOCK;
        lower_gamma_block(a + start, x + start, lower, size);
        for (npy_intp i = 0; i < size; i++) {
            const float order = a[start + i], at = x[start + i];
            double made = upper ? 1.0 - lower[i] : lower[i];
            if (!series_suffices(order, at)) made = any_gamma(order, at, upper);
            to[start + i] = (float)made;
            known &= made == made;
        }
    }
    return known;
}

#define INCOMPLETE(name, upper)                                                                    \
    static int name##_loop(const float *a, const float *x, float *to, npy_intp n)                  \
    { return incomplete_gamma(a, x, to, n, upper); }                                               \
    static PyObject *name(PyObject *const *args, Py_ssize_t nargs)                                 \
    { return map_pairs(name##_loop, args, nargs); }

INCOMPLETE(igamma, 0)
INCOMPLETE(igammac, 1)

static PyObject *zeta(PyObject *const *args, Py_ssize_t nargs)
{ return map_pairs(zeta_loop, args, nargs); }

const Row special_rows[] = {
    {"elementwise.sinc", sinc},
    {"tables.spherical_bessel_j0", spherical_bessel_j0},
    {"tables.i0", i0},
    {"tables.i0e", i0e},
    {"tables.i1", i1},
    {"tables.i1e", i1e},
    {"tables.k0", k0},
    {"tables.k1", k1},
    {"tables.k0e", k0e},
    {"tables.k1e", k1e},
    {"tables.bessel_j0", bessel_j0},
    {"tables.bessel_j1", bessel_j1},
    {"tables.bessel_y0", bessel_y0},
    {"tables.bessel_y1", bessel_y1},
    {"tables.airy_ai", airy_ai},
    {"tables.lgamma", lgamma_kernel},
    {"tables.digamma", digamma},
    {"tables.polygamma", polygamma},
    {"tables.erfcx", erfcx},
    {"tables.log_ndtr", log_ndtr},
    {"tables.ndtri", ndtri},
    {"tables.zeta", zeta},
    {"tables.igamma", igamma},
    {"tables.igammac", igammac},
    {NULL, NULL},
};
