"""How likely a latent-variable model finds the data: importance-weighted bounds."""

import math

import torch


def iwae_bounds(energy, y, mu, logvar, ks=(1, 5, 50, 500), chunk=50):
    """Draw codes from the bubble, weigh each by its energy, average before the logarithm:
    L_k(y) = E log 1/k Σ_i w_i, w = exp(−E(y, z)) / q(z|y), z ~ q = N(μ, v), v = exp(logvar).

    energy: (y, z) -> (k, B), E(y, z) = −log p(y, z) with all constants, for z of shape (k, B, d).
    y: (B, n). mu, logvar: (B, d). ks: sample counts, each a divisor of the largest. chunk: codes drawn at a time.
    Returns {k: (B,)} in nats, lower bounds of log p(y) in expectation; L_1 is the ELBO. All k share max(ks) draws, cut
    into groups of k, so that L_k never falls where one k divides the next. Raises ValueError for other counts.
    Taught in notebook 10. Source: Burda, Grosse & Salakhutdinov, Importance Weighted Autoencoders (2015), section 3.
    """
    total = max(ks)
    if any(k < 1 or total % k for k in ks):
        raise ValueError(f"ks={tuple(ks)}: every number of samples must divide the largest, {total}")
    log_w = []
    for start in range(0, total, chunk):
        eps = mu.new_empty(min(chunk, total - start), *mu.shape).normal_()
        log_q = -0.5 * (eps.square() + logvar + math.log(2 * math.pi)).sum(-1)
        log_w.append(-energy(y, mu + (logvar / 2).exp() * eps) - log_q)
    log_w = torch.cat(log_w)
    return {k: (log_w.view(total // k, k, -1).logsumexp(1) - math.log(k)).mean(0) for k in ks}
