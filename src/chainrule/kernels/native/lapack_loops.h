/* Factors of small matrices and systems solved with them, for a type T: included by lapack.c once
   for float and once for double, with NAME(x) naming its functions apart. Matrices lie row by row;
   inner loops run along rows. */

/* to -= factor * from */
INLINE void NAME(subtract)(T *restrict to, const T *restrict from, T factor, npy_intp n)
{
    for (npy_intp i = 0; i < n; i++) to[i] -= factor * from[i];
}

/* PA = LU in place; the order of the first zero on U's diagonal, 0 without, -1 at a NaN. */
CLONES static int NAME(factor_lu)(T *a, npy_intp m, npy_intp n, npy_int32 *pivots)
{
    const npy_intp k = m < n ? m : n;
    int info = 0;
    for (npy_intp j = 0; j < k; j++) {
        npy_intp p = j;
        T most = -1;
        for (npy_intp i = j; i < m; i++) {
            const T x = a[i * n + j], size = x < 0 ? -x : x;
            if (x != x) return -1;
            if (size > most) most = size, p = i;
        }
        pivots[j] = (npy_int32)(p + 1);
        if (p != j)
            for (npy_intp i = 0; i < n; i++) {
                const T kept = a[j * n + i];
                a[j * n + i] = a[p * n + i];
                a[p * n + i] = kept;
            }
        const T top = a[j * n + j];
        if (top == 0) {
            if (!info) info = (int)j + 1;
            continue;
        }
        for (npy_intp i = j + 1; i < m; i++) {
            const T factor = a[i * n + j] / top;
            a[i * n + j] = factor;
            NAME(subtract)(a + i * n + j + 1, a + j * n + j + 1, factor, n - j - 1);
        }
    }
    return info;
}

/* U with A = U^T U, of the upper triangle of a (of the lower, if asked), in `to`; 0 if A is not
   positive-definite. */
CLONES static int NAME(factor_cholesky)(const T *a, T *to, npy_intp n, int lower)
{
    for (npy_intp i = 0; i < n; i++)
        for (npy_intp j = 0; j < n; j++)
            to[i * n + j] = j < i ? 0 : lower ? a[j * n + i] : a[i * n + j];
    for (npy_intp k = 0; k < n; k++) {
        T *row = to + k * n;
        if (!(row[k] > 0)) return 0;
        const T root = (T)sqrt(row[k]), scale = 1 / root;
        row[k] = root;
        for (npy_intp j = k + 1; j < n; j++) row[j] *= scale;
        for (npy_intp i = k + 1; i < n; i++) NAME(subtract)(to + i * n + i, row + i, row[i], n - i);
    }
    return 1;
}

/* Overwrite x (n, columns) with the solution of A X = x; rows of A are `down` apart, and numbers in
   them `across`. */
CLONES static void NAME(substitute)(const T *a, npy_intp down, npy_intp across, T *x, npy_intp n,
                                    npy_intp columns, int upper, int unit)
{
    for (npy_intp step = 0; step < n; step++) {
        const npy_intp i = upper ? n - 1 - step : step;
        T *row = x + i * columns;
        if (columns == 1) {
            T sum = row[0];
            for (npy_intp j = upper ? i + 1 : 0; j < (upper ? n : i); j++)
                sum -= a[i * down + j * across] * x[j];
            row[0] = unit ? sum : sum / a[i * down + i * across];
            continue;
        }
        for (npy_intp j = upper ? i + 1 : 0; j < (upper ? n : i); j++)
            NAME(subtract)(row, x + j * columns, a[i * down + j * across], columns);
        if (unit) continue;
        const T top = a[i * down + i * across];
        for (npy_intp c = 0; c < columns; c++) row[c] /= top;
    }
}

/* The same for X A = x, with x (rows, n). */
CLONES static void NAME(substitute_right)(const T *a, T *x, npy_intp rows, npy_intp n, int upper,
                                          int unit)
{
    for (npy_intp r = 0; r < rows; r++, x += n)
        for (npy_intp step = 0; step < n; step++) {
            const npy_intp j = upper ? step : n - 1 - step, from = upper ? j + 1 : 0;
            if (!unit) x[j] /= a[j * n + j];
            NAME(subtract)(x + from, a + j * n + from, x[j], upper ? n - from : j);
        }
}

/* to = (L L^T)^-1; w (n, n) becomes L^-1. The number at (i, j) of L is l[i * down + j * across]. */
CLONES static void NAME(invert)(const T *l, npy_intp down, npy_intp across, T *w, T *to, npy_intp n)
{
    for (npy_intp i = 0; i < n; i++) {
        T *row = w + i * n;
        const T top = l[i * down + i * across];
        for (npy_intp c = 0; c < i; c++) row[c] = 0;
        for (npy_intp j = 0; j < i; j++)
            NAME(subtract)(row, w + j * n, l[i * down + j * across], j + 1);
        for (npy_intp c = 0; c < i; c++) row[c] /= top;
        row[i] = 1 / top;
    }
    for (npy_intp i = 0; i < n * n; i++) to[i] = 0;
    for (npy_intp k = 0; k < n; k++)
        for (npy_intp i = 0; i <= k; i++)
            NAME(subtract)(to + i * n, w + k * n, -w[k * n + i], i + 1);
    for (npy_intp i = 0; i < n; i++)
        for (npy_intp j = i + 1; j < n; j++) to[i * n + j] = to[j * n + i];
}

/* C = (1 - tau v v^T) C for the columns from `first` of c (rows from `at` to m); v is in the column
   `at` of a below its diagonal, with a one on it. */
INLINE void NAME(reflect)(const T *a, npy_intp wide, T *c, npy_intp m, npy_intp n, npy_intp at,
                          npy_intp first, T tau, T *v, T *sums)
{
    const npy_intp count = n - first;
    v[at] = 1;
    for (npy_intp i = at + 1; i < m; i++) v[i] = a[i * wide + at];
    for (npy_intp j = 0; j < count; j++) sums[j] = 0;
    for (npy_intp i = at; i < m; i++) NAME(subtract)(sums, c + i * n + first, -v[i], count);
    for (npy_intp i = at; i < m; i++) NAME(subtract)(c + i * n + first, sums, tau * v[i], count);
}

/* Reflections that make a (m, n) upper triangular: R on and above the diagonal, their vectors below
   it. 0 where a norm leaves the range of its squares. */
CLONES static int NAME(factor_qr)(T *a, npy_intp m, npy_intp n, T *tau, T *v, T *sums)
{
    const npy_intp k = m < n ? m : n;
    for (npy_intp j = 0; j < k; j++) {
        const double alpha = a[j * n + j];
        double below = 0;
        for (npy_intp i = j + 1; i < m; i++) below += (double)a[i * n + j] * a[i * n + j];
        tau[j] = 0;
        if (!(below < 1e280) || !(alpha < 1e140 && alpha > -1e140)) return 0;
        if (below == 0) {
            for (npy_intp i = j + 1; i < m; i++)
                if (a[i * n + j] != 0) return 0;
            continue;
        }
        if (below < 1e-280) return 0;
        const double norm = sqrt(alpha * alpha + below), beta = alpha < 0 ? norm : -norm;
        const double scale = 1 / (alpha - beta);
        tau[j] = (T)((beta - alpha) / beta);
        for (npy_intp i = j + 1; i < m; i++) a[i * n + j] = (T)(a[i * n + j] * scale);
        NAME(reflect)(a, n, a, m, n, j, j + 1, tau[j], v, sums);
        a[j * n + j] = (T)beta;
    }
    return 1;
}

/* The first `columns` of H_1 ... H_k with H_i = 1 - tau_i v_i v_i^T, in q (m, columns). */
CLONES static void NAME(form_q)(const T *a, npy_intp wide, const T *tau, npy_intp k, T *q,
                                npy_intp m, npy_intp columns, T *v, T *sums)
{
    for (npy_intp i = 0; i < m * columns; i++) q[i] = 0;
    for (npy_intp i = 0; i < m && i < columns; i++) q[i * columns + i] = 1;
    for (npy_intp i = k - 1; i >= 0; i--) { /* column i and those to its left are still untouched */
        if (tau[i] != 0) NAME(reflect)(a, wide, q, m, columns, i, i + 1, tau[i], v, sums);
        q[i * columns + i] = 1 - tau[i];
        for (npy_intp j = i + 1; j < m; j++) q[j * columns + i] = -tau[i] * a[j * wide + i];
    }
}
