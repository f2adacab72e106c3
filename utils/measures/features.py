"""What the codes of a trained network carry."""

import math

import torch


def code_information(mu, logvar):
    """How many nats a sampled code tells about whose it is: mean_i of log q(z_i|y_i) − log mean_j q(z_i|y_j).

    z_i is drawn from q(z|y_i) = N(μ_i, exp(logvar_i)); j runs over all N bubbles, i among them.
    mu, logvar: (N, d) -> a scalar: 0 when all bubbles are alike, log N when no two overlap. For random data it is on
    average at most the mutual information I(y; z), which is at most the mean KL(q(z|y) ‖ p) for any p.
    Source: Poole et al., On Variational Bounds of Mutual Information (2019): InfoNCE with a known conditional.
    """
    z = mu + (logvar / 2).exp() * torch.randn_like(mu)
    log_q = -0.5 * ((z[:, None] - mu).square() / logvar.exp() + logvar).sum(2)  # row i: z_i under every bubble
    return (log_q.diagonal() - log_q.logsumexp(1)).mean() + math.log(len(mu))
