/* The fast Fourier transform of one row, for a type T: included by fourier.c once for float and
   once for double, with NAME(x) naming its functions apart. Real and imaginary parts lie apart.

   Source: Stockham's ordering of the mixed-radix algorithm, which needs no permutation: Van Loan,
   Computational Frameworks for the Fast Fourier Transform, SIAM 1992, section 1.7. */

/* One step of radix p: m groups of s numbers, each with p - 1 twiddle factors. */
#define AT(j) (k + s * (q + m * (j)))
#define PUT(r, x, y)                                                                               \
    do {                                                                                           \
        const T u_ = (x), v_ = (y);                                                                \
        const T c_ = w[2 * (r) - 2], d_ = w[2 * (r) - 1];                                          \
        br[k + s * (p * q + (r))] = u_ * c_ - v_ * d_;                                             \
        bi[k + s * (p * q + (r))] = u_ * d_ + v_ * c_;                                             \
    } while (0)
#define FIRST(x, y) (br[k + s * p * q] = (x), bi[k + s * p * q] = (y))
#define EACH                                                                                       \
    for (npy_intp q = 0; q < m; q++, w += 2 * (p - 1))                                             \
        for (npy_intp k = 0; k < s; k++)

INLINE void NAME(two)(npy_intp m, npy_intp s, const T *restrict ar, const T *restrict ai,
                      T *restrict br, T *restrict bi, const T *restrict w)
{
    enum { p = 2 };
    EACH
    {
        const T x0 = ar[AT(0)], y0 = ai[AT(0)], x1 = ar[AT(1)], y1 = ai[AT(1)];
        FIRST(x0 + x1, y0 + y1);
        PUT(1, x0 - x1, y0 - y1);
    }
}

INLINE void NAME(three)(npy_intp m, npy_intp s, const T *restrict ar, const T *restrict ai,
                        T *restrict br, T *restrict bi, const T *restrict w)
{
    enum { p = 3 };
    const T sine = (T)0.86602540378443864676;
    EACH
    {
        const T x0 = ar[AT(0)], y0 = ai[AT(0)];
        const T xs = ar[AT(1)] + ar[AT(2)], ys = ai[AT(1)] + ai[AT(2)];
        const T xd = (ar[AT(1)] - ar[AT(2)]) * sine, yd = (ai[AT(1)] - ai[AT(2)]) * sine;
        const T xm = x0 - xs * (T)0.5, ym = y0 - ys * (T)0.5;
        FIRST(x0 + xs, y0 + ys);
        PUT(1, xm + yd, ym - xd);
        PUT(2, xm - yd, ym + xd);
    }
}

INLINE void NAME(four)(npy_intp m, npy_intp s, const T *restrict ar, const T *restrict ai,
                       T *restrict br, T *restrict bi, const T *restrict w)
{
    enum { p = 4 };
    EACH
    {
        const T xa = ar[AT(0)] + ar[AT(2)], ya = ai[AT(0)] + ai[AT(2)];
        const T xb = ar[AT(0)] - ar[AT(2)], yb = ai[AT(0)] - ai[AT(2)];
        const T xc = ar[AT(1)] + ar[AT(3)], yc = ai[AT(1)] + ai[AT(3)];
        const T xd = ar[AT(1)] - ar[AT(3)], yd = ai[AT(1)] - ai[AT(3)];
        FIRST(xa + xc, ya + yc);
        PUT(1, xb + yd, yb - xd);
        PUT(2, xa - xc, ya - yc);
        PUT(3, xb - yd, yb + xd);
    }
}

INLINE void NAME(five)(npy_intp m, npy_intp s, const T *restrict ar, const T *restrict ai,
                       T *restrict br, T *restrict bi, const T *restrict w)
{
    enum { p = 5 };
    const T c1 = (T)0.30901699437494742410, c2 = (T)-0.80901699437494742410;
    const T s1 = (T)0.95105651629515357212, s2 = (T)0.58778525229247312917;
    EACH
    {
        const T x0 = ar[AT(0)], y0 = ai[AT(0)];
        const T xa = ar[AT(1)] + ar[AT(4)], ya = ai[AT(1)] + ai[AT(4)];
        const T xb = ar[AT(2)] + ar[AT(3)], yb = ai[AT(2)] + ai[AT(3)];
        const T xc = ar[AT(1)] - ar[AT(4)], yc = ai[AT(1)] - ai[AT(4)];
        const T xd = ar[AT(2)] - ar[AT(3)], yd = ai[AT(2)] - ai[AT(3)];
        const T x1 = x0 + xa * c1 + xb * c2, y1 = y0 + ya * c1 + yb * c2;
        const T x2 = x0 + xa * c2 + xb * c1, y2 = y0 + ya * c2 + yb * c1;
        const T u1 = xc * s1 + xd * s2, v1 = yc * s1 + yd * s2;
        const T u2 = xc * s2 - xd * s1, v2 = yc * s2 - yd * s1;
        FIRST(x0 + xa + xb, y0 + ya + yb);
        PUT(1, x1 + v1, y1 - u1);
        PUT(2, x2 + v2, y2 - u2);
        PUT(3, x2 - v2, y2 + u2);
        PUT(4, x1 - v1, y1 + u1);
    }
}

/* Any odd prime: numbers j and p - j together, eight results at a time. The table has the cosines
   of 2 pi j r / p, row by row, and then the sines. */
INLINE void NAME(prime)(npy_intp p, npy_intp m, npy_intp s, const T *restrict ar,
                        const T *restrict ai, T *restrict br, T *restrict bi, const T *restrict w,
                        const T *restrict table)
{
    const npy_intp half = p / 2, wide = WIDE(half);
    const T *cosines = table, *sines = table + half * wide;
    EACH
    {
        T xs[PRIME / 2], ys[PRIME / 2], xd[PRIME / 2], yd[PRIME / 2];
        const T x0 = ar[AT(0)], y0 = ai[AT(0)];
        T x = x0, y = y0;
        for (npy_intp j = 0; j < half; j++) {
            const npy_intp one = AT(j + 1), other = AT(p - j - 1);
            xs[j] = ar[one] + ar[other], ys[j] = ai[one] + ai[other];
            xd[j] = ar[one] - ar[other], yd[j] = ai[one] - ai[other];
            x += xs[j], y += ys[j];
        }
        FIRST(x, y);
        for (npy_intp from = 0; from < half; from += 8) {
            T a[8] = {0}, b[8] = {0}, c[8] = {0}, d[8] = {0};
            for (npy_intp j = 0; j < half; j++) {
                const T *cosine = cosines + j * wide + from, *sine = sines + j * wide + from;
                for (int l = 0; l < 8; l++) {
                    a[l] += xs[j] * cosine[l], b[l] += ys[j] * cosine[l];
                    c[l] += xd[j] * sine[l], d[l] += yd[j] * sine[l];
                }
            }
            for (int l = 0; l < 8 && from + l < half; l++) {
                const npy_intp r = from + l + 1;
                PUT(r, x0 + a[l] + d[l], y0 + b[l] - c[l]);
                PUT(p - r, x0 + a[l] - d[l], y0 + b[l] + c[l]);
            }
        }
    }
}

/* The transform of some rows of n numbers, number i of row r at place i * rows + r of part[0] and
   part[1]; part[2] and part[3] are scratch. Afterwards the first two pointers are where the result
   is. The steps do not know where one row ends: they go through all numbers in one loop. */
CLONES static void NAME(transform)(const Plan *plan, npy_intp rows, T **part)
{
    npy_intp s = rows, m = plan->n;
    const T *w = plan->twiddles, *table = plan->tables;
    for (int i = 0; i < plan->count; i++) {
        const npy_intp p = plan->factor[i];
        T *ar = part[0], *ai = part[1], *br = part[2], *bi = part[3];
        m /= p;
        if (s == 1) {
            if (p == 4) NAME(four)(m, 1, ar, ai, br, bi, w);
            else if (p == 5) NAME(five)(m, 1, ar, ai, br, bi, w);
            else if (p == 3) NAME(three)(m, 1, ar, ai, br, bi, w);
            else if (p == 2) NAME(two)(m, 1, ar, ai, br, bi, w);
            else NAME(prime)(p, m, 1, ar, ai, br, bi, w, table);
        } else if (p == 4) NAME(four)(m, s, ar, ai, br, bi, w);
        else if (p == 5) NAME(five)(m, s, ar, ai, br, bi, w);
        else if (p == 3) NAME(three)(m, s, ar, ai, br, bi, w);
        else if (p == 2) NAME(two)(m, s, ar, ai, br, bi, w);
        else NAME(prime)(p, m, s, ar, ai, br, bi, w, table);
        if (p > 5) table += 2 * (p / 2) * WIDE(p / 2);
        w += 2 * (p - 1) * m;
        s *= p;
        part[0] = br, part[1] = bi, part[2] = ar, part[3] = ai;
    }
}

/* The parts in scratch memory for so many numbers. */
INLINE void NAME(divide)(T *scratch, npy_intp n, T **part)
{
    for (int i = 0; i < 4; i++) part[i] = scratch + i * n;
}

/* Complex to complex: rows that begin at `at` and whose numbers are `step` apart. */
static void NAME(complex_rows)(const Plan *plan, const void *from, void *to, const npy_intp *at,
                               npy_intp rows, npy_intp step, double factor, int backward,
                               void *scratch)
{
    const npy_intp n = plan->n;
    const T *x = from, scale = (T)factor;
    T *y = to, *part[4];
    NAME(divide)(scratch, n * rows, part);
    T *one = part[backward], *two = part[!backward]; /* exchanged: the transform backward */
    for (npy_intp r = 0; r < rows; r++)
        for (npy_intp i = 0; i < n; i++) {
            one[i * rows + r] = x[2 * (at[r] + i * step)];
            two[i * rows + r] = x[2 * (at[r] + i * step) + 1];
        }
    NAME(transform)(plan, rows, part);
    one = part[backward], two = part[!backward];
    for (npy_intp r = 0; r < rows; r++)
        for (npy_intp i = 0; i < n; i++) {
            y[2 * (at[r] + i * step)] = one[i * rows + r] * scale;
            y[2 * (at[r] + i * step) + 1] = two[i * rows + r] * scale;
        }
}

/* Real to half of a spectrum of n points (all of it if `full`). An even row is transformed as one
   of half as many complex numbers; `plan` is of that many. */
static void NAME(real_rows)(const Plan *plan, npy_intp n, const void *from, const npy_intp *at,
                            void *to, const npy_intp *put, npy_intp rows, npy_intp step,
                            double factor, int full, void *scratch)
{
    const npy_intp h = plan->n;
    const T *w = plan->turns, scale = (T)factor;
    T *part[4];
    NAME(divide)(scratch, h * rows, part);
    for (npy_intp r = 0; r < rows; r++) {
        const T *x = (const T *)from + at[r];
        T *re = part[0] + r, *im = part[1] + r;
        if (h == n)
            for (npy_intp i = 0; i < n; i++) re[i * rows] = x[i * step], im[i * rows] = 0;
        else
            for (npy_intp i = 0; i < h; i++)
                re[i * rows] = x[2 * i * step], im[i * rows] = x[(2 * i + 1) * step];
    }
    NAME(transform)(plan, rows, part);
    for (npy_intp r = 0; r < rows; r++) {
        const T *re = part[0] + r, *im = part[1] + r;
        T *y = (T *)to + 2 * put[r];
        if (h == n) {
            for (npy_intp k = 0; k <= n / 2; k++)
                y[2 * k * step] = re[k * rows] * scale, y[2 * k * step + 1] = im[k * rows] * scale;
            y[1] = 0;
        } else {
            y[0] = (re[0] + im[0]) * scale, y[1] = 0;
            y[2 * h * step] = (re[0] - im[0]) * scale, y[2 * h * step + 1] = 0;
            for (npy_intp k = 1; k < h; k++) {
                const npy_intp one = k * rows, other = (h - k) * rows;
                const T a = re[one] + re[other], b = im[one] - im[other]; /* of the even places */
                const T c = im[one] + im[other], d = re[other] - re[one]; /* of the odd ones */
                y[2 * k * step] = (a + c * w[2 * k] - d * w[2 * k + 1]) * (T)0.5 * scale;
                y[2 * k * step + 1] = (b + c * w[2 * k + 1] + d * w[2 * k]) * (T)0.5 * scale;
            }
        }
        if (full)
            for (npy_intp k = n / 2 + 1; k < n; k++) {
                y[2 * k * step] = y[2 * (n - k) * step];
                y[2 * k * step + 1] = -y[2 * (n - k) * step + 1];
            }
    }
}

/* The way back: half a spectrum to n real numbers. */
static void NAME(half_row)(const Plan *plan, npy_intp n, const void *from, void *to, npy_intp step,
                           double factor, void *scratch)
{
    const npy_intp h = plan->n;
    const T *x = from, *w = plan->turns, scale = (T)factor;
    T *y = to, *part[4];
    NAME(divide)(scratch, h, part);
    T *im = part[0], *re = part[1]; /* exchanged: the transform backward */
    if (h == n) {
        re[0] = x[0], im[0] = 0;
        for (npy_intp k = 1; k <= n / 2; k++) {
            re[k] = re[n - k] = x[2 * k * step];
            im[k] = x[2 * k * step + 1];
            im[n - k] = -im[k];
        }
        NAME(transform)(plan, 1, part);
        for (npy_intp i = 0; i < n; i++) y[i * step] = part[1][i] * scale;
        return;
    }
    re[0] = x[0] + x[2 * h * step], im[0] = x[0] - x[2 * h * step];
    for (npy_intp k = 1; k < h; k++) {
        const T *u = x + 2 * k * step, *v = x + 2 * (h - k) * step;
        const T a = u[0] + v[0], b = u[1] - v[1], c = u[0] - v[0], d = u[1] + v[1];
        const T e = c * w[2 * k] + d * w[2 * k + 1], f = d * w[2 * k] - c * w[2 * k + 1];
        re[k] = a - f, im[k] = b + e;
    }
    NAME(transform)(plan, 1, part);
    for (npy_intp i = 0; i < h; i++)
        y[2 * i * step] = part[1][i] * scale, y[(2 * i + 1) * step] = part[0][i] * scale;
}

#undef AT
#undef PUT
#undef FIRST
#undef EACH
