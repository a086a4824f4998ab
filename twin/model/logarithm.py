"""The logarithm of a survival probability, in arithmetic alone.

Library logarithms differ in their last digit from one machine and vector unit to the next, and one digit decides which
of two simultaneous events comes first. Sums and products do not differ, so engines that draw exponential times with
this one agree digit by digit. The method is that of fdlibm's ``log`` (Sun Microsystems, 1993), error below one unit in
the last place.
"""

from __future__ import annotations

from typing import Any

import numpy as np

FloatArray = np.ndarray[Any, np.dtype[np.float64]]

ROOT_OF_HALF = 0.5**0.5

LN2_HIGH = 6.93147180369123816490e-01

LN2_LOW = 1.90821492927058770002e-10

COEFFICIENTS = (
    6.666666666666735130e-01,
    3.999999999940941908e-01,
    2.857142874366239149e-01,
    2.222219843214978396e-01,
    1.818357216161805012e-01,
    1.531383769920937332e-01,
    1.479819860511658591e-01,
)


def log_survival(u: FloatArray) -> FloatArray:
    """Return ln(1 - u) for *u* in [0, 1), any shape; exact to the last digit or two where 1 - u is."""
    fraction, exponent = np.frexp(1.0 - u)
    small = fraction < ROOT_OF_HALF
    f = np.where(small, fraction + fraction, fraction) - 1.0
    k = (exponent - small).astype(np.float64)
    s = f / (2.0 + f)
    z = s * s
    w = z * z
    a, b, c, d, e, g, h = COEFFICIENTS
    r = w * (b + w * (d + w * g)) + z * (a + w * (c + w * (e + w * h)))
    half = 0.5 * f * f
    return np.asarray(k * LN2_HIGH - ((half - (s * (half + r) + k * LN2_LOW)) - f))
