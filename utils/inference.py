"""Finding or drawing the latent variables: inference in an energy-based model."""

import math

import torch

from utils.energies import shrinkage


@torch.no_grad()
def ista(y, W_d, lam, n_steps=100, *, z0=None, step=None, nonnegative=False, callback=None):
    """Step downhill on the quadratic, then shrink: z ← shrinkage(z − step W_dᵀ(W_d z − y), step λ).

    Minimizes E(y, z) = ½‖y − W_d z‖² + λ‖z‖₁ over z for every row of y at once.
    y: (B, n), W_d: (n, m), both float32 or both float64; lam: λ ≥ 0 -> z: (B, m).
    z0: (B, m) to start from, else 0. step: 1/L if not given, L the largest eigenvalue of W_dᵀW_d.
    nonnegative: search among z ≥ 0 only. callback: called with z₀, z₁, …, z_n_steps; they are never written to later.
    No gradient is recorded: for learning, the code is a constant. Raises ValueError or TypeError for what can't be
    meant: shapes that don't fit, nan or inf, λ < 0.
    Taught in notebook 05. Source: Daubechies, Defrise & De Mol (2004); Beck & Teboulle (2009), eq. (1.4).
    """
    z, lam, step = _start(y, W_d, lam, n_steps, z0, step)
    see = callback or (lambda z: None)
    see(z)
    for _ in range(n_steps):
        z = _proximal_step(z, y, W_d, lam, step, nonnegative)
        see(z)
    return z


@torch.no_grad()
def fista(y, W_d, lam, n_steps=100, *, z0=None, step=None, nonnegative=False, restart=False, callback=None):
    """ISTA's step, taken from a point a little ahead along the last move: u = z + (t − 1)/t₊ (z − z_prev).

    t₊ = (1 + √(1 + 4t²))/2 from t = 0, so that the first two steps are ISTA's: this t is t_{k−1} in (4.1)–(4.3), which
    count it from t₁ = 1. Arguments, result and errors as for `ista`; here a step beyond 1/L is not safe.
    restart: True sets t back to 1, which drops the last move, in every row whose move went uphill:
    (u − z₊)·(z₊ − z) > 0. The bound 2L‖z₀ − z*‖²/(k + 1)² is proven without it; with it the end is linear and faster.
    Taught in notebook 05. Source: Beck & Teboulle, A fast iterative shrinkage-thresholding algorithm (2009),
    eqs. (4.1)–(4.3); O'Donoghue & Candès, Adaptive restart for accelerated gradient schemes (2015), gradient scheme.
    """
    z, lam, step = _start(y, W_d, lam, n_steps, z0, step)
    see = callback or (lambda z: None)
    see(z)
    z_prev, t = z, y.new_zeros(len(y), 1) if restart else 0.0
    for _ in range(n_steps):
        t_next = (1 + (1 + 4 * t * t) ** 0.5) / 2
        u = z + (t - 1) / t_next * (z - z_prev)
        z_prev, z = z, _proximal_step(u, y, W_d, lam, step, nonnegative)
        if restart:
            uphill = ((u - z) * (z - z_prev)).sum(1, keepdim=True) > 0
            t_next = torch.where(uphill, 1.0, t_next)
        t = t_next
        see(z)
    return z


def _proximal_step(z, y, W_d, lam, step, nonnegative):
    v = z - step * ((z @ W_d.T - y) @ W_d)
    return (v - step * lam).relu() if nonnegative else shrinkage(v, step * lam)


def _start(y, W_d, lam, n_steps, z0, step):
    """z₀, λ as a tensor and the step, after a look at everything that was passed in."""
    if y.ndim != 2 or W_d.ndim != 2 or y.shape[1] != W_d.shape[0]:
        raise ValueError(f"y must be (B, n) and W_d (n, m) with the same n; they are {tuple(y.shape)} and "
                         f"{tuple(W_d.shape)}. One sample is a row, y[None]; columns of W_d are atoms")
    if z0 is not None and z0.shape != (len(y), W_d.shape[1]):
        raise ValueError(f"z0 must be (B, m) = {(len(y), W_d.shape[1])}, it is {tuple(z0.shape)}")
    given = {"y": y, "W_d": W_d} | ({} if z0 is None else {"z0": z0})
    if not y.is_floating_point() or len({t.dtype for t in given.values()}) > 1:
        raise TypeError(f"one floating dtype is needed, these are { {k: v.dtype for k, v in given.items()} }")
    for name, values in given.items():
        if not torch.isfinite(values).all():
            raise ValueError(f"{name} holds nan or inf: no code minimizes an energy that is not a number")
    if not 0 <= lam < math.inf:
        raise ValueError(f"lam={lam} must be a finite number ≥ 0: a negative λ has no minimum")
    if n_steps < 0:
        raise ValueError(f"n_steps={n_steps} must be 0 or more")
    if step is None:
        L = torch.linalg.matrix_norm(W_d, ord=2).item() ** 2 if W_d.numel() else 0.0
        step = 1 / L if L > 0 else 1.0  # a dictionary of zeros is flat: any step does
    elif not 0 < step < math.inf:
        raise ValueError(f"step={step} must be a finite number > 0")
    z = y.new_zeros(len(y), W_d.shape[1]) if z0 is None else z0.detach().clone()
    # in y's precision, λ and |W_dᵀy| round alike: λ = max |W_dᵀy| gives exactly 0
    return z, torch.as_tensor(lam, dtype=y.dtype, device=y.device), step


@torch.no_grad()
def gibbs(rbm, v, k=1):
    """Draw the hidden units given the visible, then the visible given the hidden; k times.

    h_j ~ Bernoulli(σ(c_j + (Wᵀv)_j)), v_i ~ Bernoulli(σ(b_i + (W h)_i)).
    rbm: anything with W (n, m), b (n,) and c (m,). v: (B, n) of 0 and 1 -> (B, n). No gradient is recorded: the
    chain is a constant of the loss. Taught in notebook 03. Source: Hinton (2002); week 8, "Contrastive divergence".
    """
    W, b, c = rbm.W, rbm.b, rbm.c
    for _ in range(k):
        h = coin(torch.sigmoid(v @ W + c))
        v = coin(torch.sigmoid(h @ W.T + b))
    return v


def langevin(energy, y, k=1, step=0.1, kick=1.0, clip=math.inf, box=math.inf):
    """Roll downhill and get a kick: y ← y − (step²/2) ∇E(y) + kick · step · ε with ε ~ N(0, I); k times.

    With kick = 1 and a small step the points end up distributed as exp(−E); with kick = 0 this is gradient descent.
    energy: (…, n) -> (…), differentiable. y: (…, n) -> (…, n), detached. clip: longer gradients are cut to this
    length. box: points that leave [−box, box]ⁿ are reflected at its walls. Works under no_grad and inference_mode, too.
    Raises ValueError when the energy gives no gradient.
    Taught in notebook 03. Source: week 8, "Contrastive divergence"; it is Hamiltonian Monte Carlo with one step.
    """
    for _ in range(k):
        with torch.inference_mode(False), torch.enable_grad():
            y = (y.clone() if y.is_inference() else y.detach()).requires_grad_()
            E = energy(y)
            slope, = torch.autograd.grad(E.sum(), y, allow_unused=True) if getattr(E, "requires_grad", 0) else (None,)
        if slope is None:
            raise ValueError("the energy gives no gradient: compute it with torch from the y that it is called with, "
                             "without .detach(), .item(), numpy or no_grad")
        if clip < math.inf:
            slope = slope * (clip / slope.norm(dim=-1, keepdim=True).clamp(min=clip))
        y = y.detach() - 0.5 * step**2 * slope + kick * step * torch.randn_like(slope)
        if box < math.inf:
            y = torch.where(y.abs() > box, 2 * box * y.sign() - y, y).clamp(-box, box)
    return y.detach()


@torch.no_grad()
def metropolis(energy, y, k=1, temperature=1.0):
    """Flip one coordinate; keep the flip if the energy falls, else with probability exp(−ΔE/T); k times.

    energy: (…, n) -> (…). y: (…, n) of 0 and 1 -> (…, n). temperature: T ≥ 0, or one for each of the k flips (an
    annealing schedule); at T = 0 only what falls is kept. Raises ValueError when the schedule has not k entries.
    Taught in notebook 03. Source: Metropolis et al. (1953); week 8, "Contrastive divergence".
    """
    temperatures = [temperature] * k if isinstance(temperature, int | float) else [float(t) for t in temperature]
    if len(temperatures) != k:
        raise ValueError(f"temperature holds {len(temperatures)} values for k={k} flips: give one, or one for each")
    now = energy(y)
    for T in temperatures:
        site = torch.randint(y.shape[-1], (*y.shape[:-1], 1), device=y.device)
        flipped = y.scatter(-1, site, 1 - y.gather(-1, site))
        then = energy(flipped)
        # u < exp(−ΔE/T), written so that T = 0 divides by nothing; −log u is an Exp(1) variable
        keep = then - now < T * torch.empty_like(now).exponential_()
        y, now = torch.where(keep[..., None], flipped, y), torch.where(keep, then, now)
    return y


def coin(p):
    """1 with probability p, else 0; a comparison, for torch.bernoulli is slower on a CPU."""
    return (torch.rand_like(p) < p).to(p.dtype)
