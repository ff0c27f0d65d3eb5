"""Noise for counts: the discrete Gaussian, drawn exactly and from the operating system's entropy.

Whole numbers in, whole numbers out: nothing of a count survives in the low bits of a float (Mironov 2012,
doi:10.1145/2382196.2382264). The sampler is OpenDP's (Canonne, Kamath and Steinke 2020, arXiv:2004.00010).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from synthetic_healthcare.errors import ConfigError


def with_noise(counts: npt.NDArray[np.int64], deviation: float) -> npt.NDArray[np.int64]:
    """Add discrete Gaussian noise to counts, each its own.

    The discrete Gaussian keeps the concentrated differential privacy of the continuous one (theorem 4 there),
    and from a standard deviation of 1 on its (epsilon, delta) differs by less than the accountants resolve.

    Parameters
    ----------
    counts : int array, of any shape
        True counts.
    deviation : float
        Standard deviation of the noise, at least 1.

    Returns
    -------
    int array, of the same shape
        May be below 0.

    Raises
    ------
    ConfigError
        The deviation is below 1: so little noise is no private release.
    """
    if not 1.0 <= deviation < 2**40:
        raise ConfigError(f"noise of a standard deviation from 1 on is drawn; this is {deviation}")
    # A wheel of 47 MB: only private runs need it.
    import opendp.prelude as dp

    dp.enable_features("contrib")
    space = dp.vector_domain(dp.atom_domain(T=dp.i64)), dp.l2_distance(T=dp.i64)
    flat = np.ascontiguousarray(counts, dtype=np.int64).ravel()
    drawn = dp.m.make_gaussian(*space, deviation)(flat.tolist())
    return np.asarray(drawn, dtype=np.int64).reshape(counts.shape)
