/* float32 functions without branches, which compilers turn into vector code.

   Each is written from its definition: reduction of the argument, a polynomial of fitted.h,
   reconstruction by bits. The largest error is stated in ulp: over every 61st of all float32
   numbers, with fused multiplication and addition or without. */

#ifndef CHAINRULE_VECTOR_MATH_H
#define CHAINRULE_VECTOR_MATH_H

#include <math.h>
#include <stdint.h>
#include <string.h>
#include "fitted.h"
#include "kernel.h"

INLINE float from_bits(int32_t i)
{
    float f;
    memcpy(&f, &i, 4);
    return f;
}
INLINE int32_t to_bits(float f)
{
    int32_t i;
    memcpy(&i, &f, 4);
    return i;
}

/* The size of `a` with the sign of `b`. */
INLINE float with_sign(float a, float b)
{ return from_bits((to_bits(a) & 0x7fffffff) | (to_bits(b) & (int32_t)0x80000000)); }

INLINE float size32(float x)
{ return from_bits(to_bits(x) & 0x7fffffff); }

/* The smaller and the larger of two; NaN if `a` is NaN. */
INLINE float at_most32(float a, float b)
{ return a > b ? b : a; }
INLINE float at_least32(float a, float b)
{ return a < b ? b : a; }

/* 2^n for -126 <= n <= 127, 0 for -127 */
INLINE float power_of_two(int32_t n)
{ return from_bits((int32_t)((uint32_t)(n + 127) << 23)); }

/* a - b, which wraps around where it is used on bits of NaN and infinity */
INLINE int32_t bits_apart(int32_t a, int32_t b)
{ return (int32_t)((uint32_t)a - (uint32_t)b); }

#define ROUNDER 12582912.0f /* 1.5 * 2^23: adding it rounds to an integer */
#define LOG2_E 1.44269504088896341f
#define LOG_2_HIGH 0.693359375f   /* 355/512: times an exponent it is exact */
#define LOG_2_LOW -2.12194440e-4f /* log 2 - LOG_2_HIGH */

/* exp(x + rest) for a small rest: x = n log 2 + r with |r| <= log(2)/2, exp(r) = 1 + r + r^2 p(r),
   times 2^n in two steps, so that subnormal results are right. */
INLINE float exp_sum32(float x, float rest)
{
    x = at_least32(at_most32(x, 89.0f), -104.0f);
    const float shifted = x * LOG2_E + ROUNDER;
    const float n = shifted - ROUNDER;
    const float r = ((x - n * LOG_2_HIGH) - n * LOG_2_LOW) + rest;
    const float y = exp_tail(r) * (r * r) + r + 1.0f;
    const int32_t i = bits_apart(to_bits(shifted), to_bits(ROUNDER));
    const int32_t half = i >> 1;
    return y * power_of_two(half) * power_of_two(i - half);
}

/* exp(x); 1.0 ulp. */
INLINE float exp32(float x)
{ return exp_sum32(x, 0.0f); }

/* exp(x) - 1 = 2^n (exp(r) - 1) + (2^n - 1), halved until the end, so that 2^n is a number;
   1.5 ulp. */
INLINE float expm1_32(float x)
{
    const float z = at_least32(at_most32(x, 89.0f), -20.0f);
    const float shifted = z * LOG2_E + ROUNDER;
    const float n = shifted - ROUNDER;
    const float r = (z - n * LOG_2_HIGH) - n * LOG_2_LOW;
    const float y = exp_tail(r) * (r * r) + r;
    const float half = power_of_two(bits_apart(to_bits(shifted), to_bits(ROUNDER)) - 1);
    const float made = 2.0f * (y * half + (half - 0.5f));
    return x == 0.0f ? x : made; /* keeps -0.0 */
}

/* The bits of sqrt(1/2): x > 0 is split into m 2^e with m from there to sqrt(2). */
#define LOG_START 0x3f3504f3 /* sqrt(1/2) */

/* log((1 + f) 2^e) = e log 2 + f - f^2/2 + f^3 p(f) */
INLINE float log_split32(float f, float e)
{
    const float square = f * f;
    const float tail = log_tail(f) * (square * f) + e * LOG_2_LOW;
    return e * LOG_2_HIGH + (f + (tail - 0.5f * square));
}

/* log(x): x = m 2^e, log(1 + f) = f - f^2/2 + f^3 p(f) for f = m - 1; 0.8 ulp. */
INLINE float log32(float x)
{
    const int tiny = x < 1.17549435e-38f;
    const float scaled = tiny ? x * 8388608.0f : x; /* 2^23: no subnormals */
    const int32_t i = bits_apart(to_bits(scaled), LOG_START);
    const float e = (float)((i >> 23) - (tiny ? 23 : 0));
    const float m = from_bits((i & 0x7fffff) + LOG_START);
    float y = log_split32(m - 1.0f, e);
    y = x < INFINITY ? y : x; /* inf and NaN */
    y = x >= 0.0f ? y : NAN;
    return x == 0.0f ? -INFINITY : y;
}

/* log(1 + x): of u = 1 + x as it is rounded, with what was lost of x added to f; 1.4 ulp. */
INLINE float log1p32(float x)
{
    const float u = 1.0f + x;
    const float lost = size32(x) > 1.0f ? 1.0f - (u - x) : x - (u - 1.0f);
    const int32_t i = bits_apart(to_bits(u), LOG_START);
    const int32_t e = i >> 23;
    const float m = from_bits((i & 0x7fffff) + LOG_START);
    const float scale = power_of_two(e < 127 ? -e : -127);
    float y = log_split32((m - 1.0f) + lost * scale, (float)e);
    y = x < INFINITY ? y : x;
    y = x >= -1.0f ? y : NAN;
    y = x == -1.0f ? -INFINITY : y;
    return x == 0.0f ? x : y; /* keeps -0.0 */
}

/* tanh(x) = (exp(2x) - 1)/(exp(2x) + 1); 2.5 ulp. */
INLINE float tanh32(float x)
{
    const float e = expm1_32(2.0f * at_most32(size32(x), 10.0f));
    return with_sign(e / (e + 2.0f), x);
}

/* 1/(1 + exp(-x)), which is exp(x)/(1 + exp(x)) below 0, where it would overflow;
   2.4 ulp. */
INLINE float sigmoid32(float x)
{
    const float e = exp32(-size32(x));
    return (x < 0.0f ? e : 1.0f) / (1.0f + e);
}

/* log(1 + exp(-|x|)) = e + e^2 p(e) for e = exp(-|x|) */
INLINE float softplus_tail32(float x)
{
    const float e = exp32(-size32(x));
    return log1p_tail(e - 0.5f) * (e * e) + e;
}

/* log(1 + exp(x)), and -log(1 + exp(-x)); 2 ulp. */
INLINE float softplus32(float x)
{ return (x < 0.0f ? 0.0f : x) + softplus_tail32(x); }
INLINE float log_sigmoid32(float x)
{ return (x < 0.0f ? x : 0.0f) - softplus_tail32(x); }

/* erf(x) = 1 - exp(-a - a p(a)) for a = |x|; 1.8 ulp. */
INLINE float erf32(float x)
{
    const float a = at_most32(size32(x), 3.93f);
    return with_sign(expm1_32(-(a * erf_exponent(a) + a)), x);
}

/* exp(-a^2 scale), a^2 split so that its rounding is not blown up by exp. */
INLINE float gauss32(float a, float scale)
{
    const float head = from_bits(to_bits(a) & (int32_t)0xfffff000);
    return exp_sum32(-scale * (head * head), -scale * ((a - head) * (a + head)));
}

/* exp(a^2) erfc(a) = t p(1/2 - t) for 0 <= a <= 10.1, t = 1/(1 + a/2); 1 - t has less rounding
   as a t/2 */
INLINE float erfc_scaled32(float a)
{
    const float t = 1.0f / (1.0f + 0.5f * a);
    return t * erfc_over_t(0.5f * a * t - 0.5f);
}

/* erfc(x) = exp(-a^2) (exp(a^2) erfc(a)) for a = |x|; 2 - that below 0; 4 ulp. */
INLINE float erfc32(float x)
{
    const float a = at_most32(size32(x), 10.1f);
    const float y = gauss32(a, 1.0f) * erfc_scaled32(a);
    return x < 0.0f ? 2.0f - y : y;
}

/* erfinv(x) = x p(w) for w = -log(1 - x^2); 2.6 ulp. */
INLINE float erfinv32(float x)
{
    const float w = -log32((1.0f - x) * (1.0f + x));
    const float v = w < 5.0f ? w - 2.5f : sqrtf(w) - 3.0f;
    const float y = x * (w < 5.0f ? erfinv_near(v) : erfinv_far(v));
    return size32(x) == 1.0f ? x * INFINITY : y; /* NaN beyond 1 comes from the logarithm */
}

#endif
