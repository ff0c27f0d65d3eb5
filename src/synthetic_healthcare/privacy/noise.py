"""Noise for counts: the discrete Gaussian, drawn exactly and from the operating system's entropy.

Choices by counts are made by the exponential mechanism, from the same source.

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


def noisy_largest(scores: npt.NDArray[np.int64], *, scale: float) -> int:
    """Return the place of the largest score after Gumbel noise: the exponential mechanism.

    With scores that one person moves by at most D, each its own way, it has an epsilon of 2 D / scale
    (McSherry and Talwar 2007, doi:10.1109/FOCS.2007.66), and keeps concentrated differential privacy with
    rho = epsilon^2 / 8 (Cesar and Rogers 2021, arXiv:2004.07223).

    Parameters
    ----------
    scores : int array (candidates,)
        At least one.
    scale : float
        Of the noise, above 0.

    Raises
    ------
    ConfigError
        There is no score, or no noise.
    """
    if not (len(scores) and 0 < scale < float("inf")):
        raise ConfigError(f"a private choice takes a score and noise; these are {len(scores)}, {scale}")
    import opendp.prelude as dp

    dp.enable_features("contrib")
    space = dp.vector_domain(dp.atom_domain(T=dp.i64)), dp.linf_distance(T=dp.i64)
    # With this measure of privacy the noise is Gumbel's, drawn exactly; with pure epsilon it would not be.
    choose = dp.m.make_noisy_max(*space, dp.zero_concentrated_divergence(), scale)
    return int(choose(scores.tolist()))
