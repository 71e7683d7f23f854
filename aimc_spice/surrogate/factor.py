"""How are symmetric M-matrices factorised at the speed of matrix products?

One idea: wanted is ``w`` with ``w s wᵀ = 1``, and it can be halved::

    w11 = w(s11)      x = w11 s12      w22 = w(s22 - xᵀ x)      w = [[w11, 0], [-w22 xᵀ w11, w22]]

so all but the smallest blocks, which LAPACK does, are matrix products.
"""

from __future__ import annotations

from aimc_spice.surrogate.block import Array, alike, namespace

_LAPACK = 64  # size that is not halved further


def inverse_factor(diagonal: Array, couplings: Array) -> Array:
    """Return the inverse Cholesky factor of ``diag(diagonal) - couplings``.

    Parameters
    ----------
    diagonal : ndarray, shape (…, k)
        A node that hangs on nothing (zero) gets one.
    couplings : ndarray, shape (…, k, k)
        Their own diagonal is zero.

    Returns
    -------
    ndarray, shape (…, k, k)
        Lower triangular.
    """
    xp = namespace(diagonal)
    k = diagonal.shape[-1]
    s = -xp.reshape(couplings, (-1, k, k))
    batch = s.shape[0]
    diagonal = xp.where(diagonal > 0, diagonal, xp.ones_like(diagonal))
    xp.reshape(s, (batch, k * k), copy=False)[:, :: k + 1] = xp.reshape(diagonal, (batch, k))
    factor: Array = xp.reshape(_halved(s), couplings.shape)
    return factor


def _halved(s: Array) -> Array:
    xp = namespace(s)
    k = s.shape[-1]
    if k <= _LAPACK:
        by_lapack: Array = xp.linalg.inv(xp.linalg.cholesky(s))
        return by_lapack
    h = k // 2
    w1 = _halved(s[:, :h, :h])
    x = w1 @ s[:, :h, h:]
    w2 = _halved(s[:, h:, h:] - xp.matmul(x.mT, x))
    w: Array = xp.zeros(s.shape, **alike(s))
    w[:, :h, :h], w[:, h:, h:] = w1, w2
    w[:, h:, :h] = -(w2 @ (x.mT @ w1))
    return w
