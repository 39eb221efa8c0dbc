/* Printed by tools/fit_polynomials.py: minimax fits with float32 coefficients. Errors are those
   of the function they serve, before its own rounding. */

#ifndef CHAINRULE_FITTED_H
#define CHAINRULE_FITTED_H

#include "kernel.h"

/* (exp(r) - 1 - r)/r^2 for |r| <= log(2)/2 and a little more; relative error 7.3e-10 */
INLINE float exp_tail(float x)
{
    float p = 1.979393710e-04f;
    p = p * x + 1.394063816e-03f;
    p = p * x + 8.333519101e-03f;
    p = p * x + 4.166641831e-02f;
    p = p * x + 1.666666567e-01f;
    p = p * x + 5.000000000e-01f;
    return p;
}

/* (log(1 + f) - f + f^2/2)/f^3 for 1 + f from sqrt(1/2) to sqrt(2); relative error 7.7e-10 */
INLINE float log_tail(float x)
{
    float p = 6.749540567e-02f;
    p = p * x + -1.167018339e-01f;
    p = p * x + 1.188347116e-01f;
    p = p * x + -1.240620837e-01f;
    p = p * x + 1.422036290e-01f;
    p = p * x + -1.666799039e-01f;
    p = p * x + 2.000207156e-01f;
    p = p * x + -2.500000894e-01f;
    p = p * x + 3.333331347e-01f;
    return p;
}

/* (log(1 + e) - e)/e^2 as a polynomial of e - 1/2 for 0 <= e <= 1; relative error 7.5e-09 */
INLINE float log1p_tail(float x)
{
    float p = -6.027691416e-04f;
    p = p * x + -2.910008654e-03f;
    p = p * x + 7.127997000e-03f;
    p = p * x + -1.033639908e-02f;
    p = p * x + 1.664176024e-02f;
    p = p * x + -2.888625301e-02f;
    p = p * x + 5.108892173e-02f;
    p = p * x + -9.323254973e-02f;
    p = p * x + 1.792249084e-01f;
    p = p * x + -3.781395555e-01f;
    return p;
}

/* -log(erfc(a))/a - 1 for 0 <= a <= 3.93, where erf is 1; relative error 8.6e-10 */
INLINE float erf_exponent(float x)
{
    float p = 3.473165933e-08f;
    p = p * x + 8.647481309e-07f;
    p = p * x + -2.016104372e-05f;
    p = p * x + 1.654986700e-04f;
    p = p * x + -7.396159344e-04f;
    p = p * x + 1.800525119e-03f;
    p = p * x + -2.551780781e-04f;
    p = p * x + -1.911644451e-02f;
    p = p * x + 1.027709544e-01f;
    p = p * x + 6.366198659e-01f;
    p = p * x + 1.283791661e-01f;
    return p;
}

/* exp(a^2) erfc(a)/t as a polynomial of 1/2 - t for t = 1/(1 + a/2), 0 <= a <= 10.1; relative error 1.7e-08 */
INLINE float erfc_over_t(float x)
{
    float p = 4.025974125e-02f;
    p = p * x + 2.049118653e-02f;
    p = p * x + -7.363158464e-02f;
    p = p * x + -5.525454134e-02f;
    p = p * x + 9.728299081e-02f;
    p = p * x + 1.037732661e-01f;
    p = p * x + -1.719869822e-01f;
    p = p * x + -1.457718313e-01f;
    p = p * x + 5.589420795e-01f;
    p = p * x + -6.871606708e-01f;
    p = p * x + 5.107913613e-01f;
    return p;
}

/* erfinv(x)/x as a polynomial of w - 2.5 for w = -log(1 - x^2) <= 5; relative error 4.0e-08 */
INLINE float erfinv_near(float x)
{
    float p = -8.266272999e-09f;
    p = p * x + 2.797597176e-08f;
    p = p * x + 4.602618162e-07f;
    p = p * x + -3.521413873e-06f;
    p = p * x + -4.944401098e-06f;
    p = p * x + 2.185707126e-04f;
    p = p * x + -1.252755057e-03f;
    p = p * x + -4.177664407e-03f;
    p = p * x + 2.466402799e-01f;
    p = p * x + 1.501409411e+00f;
    return p;
}

/* the same as a polynomial of sqrt(w) - 3 for w from 5 to 16.7; relative error 1.2e-08 */
INLINE float erfinv_far(float x)
{
    float p = 1.165625363e-04f;
    p = p * x + -3.083394549e-04f;
    p = p * x + -6.082045729e-05f;
    p = p * x + 1.483804197e-03f;
    p = p * x + -3.593249014e-03f;
    p = p * x + 5.687515251e-03f;
    p = p * x + -7.638786919e-03f;
    p = p * x + 9.445141070e-03f;
    p = p * x + 1.001675129e+00f;
    p = p * x + 2.832976818e+00f;
    return p;
}

#endif
