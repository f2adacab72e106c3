"""Certificates of sparse codes: how far a code is from the lowest energy, told without knowing the lowest energy."""

import torch


def kkt_residual(y, z, W_d, lam):
    """The largest violation of 0 ∈ ∂E(y, z): |g_j − λ sign z_j| where z_j ≠ 0, else max(|g_j| − λ, 0).

    E(y, z) = ½‖y − W_d z‖² + λ‖z‖₁ and g = W_dᵀ(y − W_d z).
    y: (B, n), z: (B, m), W_d: (n, m) -> (B,), in the unit of λ.
    It is 0 at a minimum and nowhere else. Taught and derived in notebook 05.
    """
    g = (y - z @ W_d.T) @ W_d
    return torch.where(z != 0, (g - lam * z.sign()).abs(), (g.abs() - lam).relu()).amax(1)


def duality_gap(y, z, W_d, lam):
    """The energy of z minus a floor that no code gets below: E(y, z) − D(θ), with D(θ) = ½‖y‖² − ½‖y − θ‖².

    D(θ) is a floor for every θ with ‖W_dᵀθ‖_∞ ≤ λ; taken here is θ = r · min(1, λ / ‖W_dᵀr‖_∞), r = y − W_d z. So the
    gap is never less than what is still to be gained, E(y, z) − min_z E, and at the minimum it is 0.
    y: (B, n), z: (B, m), W_d: (n, m) -> (B,), in nats, never negative. Taught and derived in notebook 05.
    """
    r = y - z @ W_d.T
    steepest = (r @ W_d).abs().amax(1, keepdim=True)
    theta = r * torch.where(steepest > lam, lam / steepest, 1.0)
    # the same as E − D, written as a sum of terms ≥ 0, so that nothing cancels when the gap is tiny
    slack = (lam * z.abs() - z * (theta @ W_d)).relu()
    return 0.5 * (r - theta).square().sum(1) + slack.sum(1)
