"""Networks that more than one notebook uses."""

import torch

from utils.energies import shrinkage


class LISTA(torch.nn.Module):
    """ISTA cut after K steps and made trainable: z ← shrinkage(y W_eᵀ + z Sᵀ, θ), K times from z = 0.

    Before training W_e = W_dᵀ/L, S = I − W_e W_d and θ = λ/L, so that K layers are K steps of `inference.ista`.
    All layers share W_e (m, n), S (m, m) and θ (m,), one threshold a unit. W_d: (n, m), lam: λ ≥ 0, n_layers: K ≥ 1.
    Taught in notebook 06. Source: Gregor & LeCun, Learning fast approximations of sparse coding (2010).
    """

    def __init__(self, W_d, lam, n_layers):
        super().__init__()
        if n_layers < 1:
            raise ValueError(f"n_layers={n_layers}: LISTA has at least one layer")
        L = torch.linalg.matrix_norm(W_d, ord=2) ** 2
        self.W_e = torch.nn.Parameter(W_d.T / L)
        identity = torch.eye(W_d.shape[1], dtype=W_d.dtype, device=W_d.device)
        self.S = torch.nn.Parameter(identity - W_d.T @ W_d / L)
        self.theta = torch.nn.Parameter(lam / L * W_d.new_ones(W_d.shape[1]))
        self.n_layers = n_layers

    def forward(self, y, callback=None):
        """y: (B, n) -> z: (B, m) after the last layer. callback: called with z after each layer."""
        seen = y @ self.W_e.T  # the same in all layers
        z = shrinkage(seen, self.theta)
        for k in range(self.n_layers):
            z = shrinkage(seen + z @ self.S.T, self.theta) if k else z
            if callback:
                callback(z)
        return z


class VAE(torch.nn.Module):
    """A digit becomes a bubble, a point of the bubble becomes a digit: n-hidden-2d encoder, d-hidden-n decoder, ReLU.

    encode: y (B, n) -> μ, log v, each (B, d). decode: z (…, d) -> logits (…, n), ỹ = sigmoid(logits).
    forward: y -> logits, μ, log v; z = μ + √v ε with ε ~ N(0, I) in training mode, z = μ in evaluation mode.
    Taught in notebook 10. Source: Kingma & Welling, Auto-Encoding Variational Bayes (2013), appendix C; week 8, 11-VAE.
    """

    def __init__(self, d=20, hidden=400, n=784):
        super().__init__()
        self.encoder = torch.nn.Sequential(
            torch.nn.Linear(n, hidden), torch.nn.ReLU(), torch.nn.Linear(hidden, 2 * d))
        self.decoder = torch.nn.Sequential(torch.nn.Linear(d, hidden), torch.nn.ReLU(), torch.nn.Linear(hidden, n))

    def encode(self, y):
        """y: (B, n) -> μ, log v: (B, d) each."""
        return self.encoder(y).chunk(2, dim=-1)

    def decode(self, z):
        """z: (…, d) -> logits: (…, n)."""
        return self.decoder(z)

    def forward(self, y):
        """y: (B, n) -> logits (B, n), μ (B, d), log v (B, d)."""
        mu, logvar = self.encode(y)
        z = mu + (logvar / 2).exp() * torch.randn_like(mu) if self.training else mu
        return self.decode(z), mu, logvar
