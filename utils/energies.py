"""Energies and their parts: pure functions, one value per sample, shape (B,), in nats."""

import math

import torch


def shrinkage(v, threshold):
    """Pull every value towards 0 by the threshold, and set to 0 what lies within it: sign(v) max(|v| − threshold, 0).

    It is argmin_z ½(z − v)² + threshold |z|, the proximal step of the L1 norm.
    v: any shape. threshold: a number ≥ 0, or a tensor that broadcasts against v (one threshold a unit in LISTA).
    Taught in notebook 05. Source: Daubechies, Defrise & De Mol (2004); week 8, "ISTA", where it is called Sh.
    """
    return v.sign() * (v.abs() - threshold).relu()


def sparse_energy(y, z, W_d, lam):
    """How badly the code explains the datum, plus what the code costs: E(y, z) = ½‖y − W_d z‖² + λ‖z‖₁.

    y: (B, n), z: (B, m), W_d: (n, m), lam: λ ≥ 0 -> (B,). Week 8 writes it without the ½; the step 1/L, with L the
    largest eigenvalue of W_dᵀW_d, needs it. Taught in notebook 05. Source: Olshausen & Field (1997).
    """
    return 0.5 * (y - z @ W_d.T).square().sum(1) + lam * z.abs().sum(1)


def gaussian_kl(mu, logvar):
    """What a bubble costs: KL(N(μ, v) ‖ N(0, I)) = ½ Σ_j (v_j − log v_j − 1 + μ_j²), v = exp(logvar).

    mu, logvar: (B, d) -> (B,), in nats; 0 only for μ = 0, v = 1.
    Taught in notebook 09. Source: Kingma & Welling, Auto-Encoding Variational Bayes (2013), appendix B.
    """
    return 0.5 * (logvar.exp() - logvar - 1 + mu.square()).sum(1)


def free_energy(energies, beta):
    """The soft minimum over the latent variable: F_β = −(1/β) log Σ_z exp(−β E(z)), at most log(K)/β below min_z E.

    energies: (..., K), the energy of each of K candidates for z. beta: inverse temperature β > 0, in 1/nats;
    math.inf gives min_z E itself -> (...), in nats. Computed as a log-sum-exp, so that large energies don't overflow.
    Taught in notebook 04. Source: LeCun et al., A Tutorial on Energy-Based Learning (2006); week 7, "free energy".
    """
    if beta == math.inf:
        return energies.amin(-1)
    return -torch.logsumexp(-beta * energies, -1) / beta


def rbm_free_energy(v, W, b, c):
    """The hidden units of an RBM summed out: F(v) = −log Σ_h exp(−E(v, h)) = −bᵀv − Σ_j softplus(c_j + (Wᵀv)_j).

    E(v, h) = −vᵀW h − bᵀv − cᵀh with h in {0, 1}^m. v: (…, n), W: (n, m), b: (n,), c: (m,) -> (…), in nats.
    Taught in notebook 03. Source: Hinton, Training products of experts by minimizing contrastive divergence (2002).
    """
    return -v @ b - torch.nn.functional.softplus(c + v @ W).sum(-1)
