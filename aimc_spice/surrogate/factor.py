"""How is a batch of symmetric M-matrices factorised at the speed of matrix products?

One idea: wanted is ``w`` with ``w s wᵀ = 1``, and it can be halved::

    w11 = w(s11)      x = w11 s12      w22 = w(s22 - xᵀ x)      w = [[w11, 0], [-w22 xᵀ w11, w22]]

so all but the smallest blocks are matrix products. Those are Cholesky factors, of thousands of matrices at a time with
the batch as the vector, or by LAPACK where the batch is short.
"""

from __future__ import annotations

from aimc_spice.surrogate.block import Array, batch_first

_VECTOR, _LAPACK, _LONG = 8, 64, 48  # sizes that are not halved further; a batch worth a vector


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
    xp = diagonal.__array_namespace__()
    k = diagonal.shape[-1]
    s = -xp.reshape(couplings, (-1, k, k))
    batch = s.shape[0]
    xp.reshape(s, (batch, k * k), copy=False)[:, :: k + 1] = xp.reshape(xp.where(diagonal > 0, diagonal, 1), (batch, k))
    factor: Array = xp.reshape(_halved(s), couplings.shape)
    return factor


def _halved(s: Array) -> Array:
    xp = s.__array_namespace__()
    batch, k, _ = s.shape
    if k <= _VECTOR and batch >= _LONG:
        return _vector(s)
    if (k <= _LAPACK and batch < _LONG) or k == 1:
        by_lapack: Array = xp.linalg.inv(xp.linalg.cholesky(s))
        return by_lapack
    h = k // 2
    w1 = _halved(s[:, :h, :h])
    x = w1 @ s[:, :h, h:]
    w2 = _halved(s[:, h:, h:] - xp.matmul(x.mT, x))
    w: Array = xp.zeros(s.shape, dtype=s.dtype)
    w[:, :h, :h], w[:, h:, h:] = w1, w2
    w[:, h:, :h] = -(w2 @ (x.mT @ w1))
    return w


def _vector(s: Array) -> Array:
    """Factorise and invert with the batch as the fastest axis."""
    xp = s.__array_namespace__()
    batch, k, _ = s.shape
    low = xp.reshape(batch_first(xp.reshape(s, (batch, k * k))), (k, k, batch))
    w = xp.zeros(low.shape, dtype=s.dtype)
    for j in range(k):
        low[j:, j, :] /= xp.sqrt(low[j, j, :])
        column = low[j + 1 :, j, :]
        low[j + 1 :, j + 1 :, :] -= column[:, None, :] * column[None, :, :]
        w[j, j, :] = 1 / low[j, j, :]
        if j:
            w[j, :j, :] = -xp.sum(low[j, :j, None, :] * w[:j, :j, :], axis=0) * w[j, j, :]
    factor: Array = xp.reshape(batch_first(xp.reshape(w, (k * k, batch))), (batch, k, k))
    return factor
