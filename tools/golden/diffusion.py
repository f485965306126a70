"""The diffusion process: Ho et al. 2020, Song et al. 2021, Nichol & Dhariwal 2021.

Tables are float64 NumPy arrays; each step rounds their values to float32.
"""

import math

import numpy as np
import torch

STEPS = 1000


class Schedule:
    """Betas and the tables derived from them (Ho et al. 2020, section 2)."""

    def __init__(self, betas, timesteps):
        self.betas = np.asarray(betas, dtype=np.float64)
        self.timesteps = np.asarray(timesteps, dtype=np.int64)
        self.alphas_cumprod = np.cumprod(1 - self.betas)
        self.alphas_cumprod_previous = np.concatenate([[1.0], self.alphas_cumprod[:-1]])
        rest, before = 1 - self.alphas_cumprod, self.alphas_cumprod_previous
        self.posterior_variance = self.betas * (1 - before) / rest
        self.posterior_mean_x0 = self.betas * np.sqrt(before) / rest
        self.posterior_mean_xt = (1 - before) * np.sqrt(1 - self.betas) / rest

    @classmethod
    def linear(cls):
        return cls(np.linspace(0.0001, 0.02, STEPS), np.arange(STEPS))

    @property
    def posterior_log_variance(self):
        """The first variance is 0, so the second replaces it."""
        return np.log(np.concatenate([self.posterior_variance[1:2], self.posterior_variance[1:]]))

    @property
    def fixed_large_log_variance(self):
        return np.log(np.concatenate([self.posterior_variance[1:2], self.betas[1:]]))

    def respaced(self, count):
        """`count` evenly spaced steps; positions are accumulated in float64 and rounded half to even."""
        stride = (len(self.betas) - 1) / (count - 1) if count > 1 else 1.0
        kept, place = [], 0.0
        for _ in range(count):
            kept.append(round(place))
            place += stride
        left = self.alphas_cumprod[kept]
        betas = 1 - left / np.concatenate([[1.0], left[:-1]])
        return Schedule(betas, self.timesteps[kept])


def at(table, t):
    """Values of a table at indices `[N]`: float32, `[N, 1, 1, 1]`."""
    return torch.from_numpy(np.asarray(table, dtype=np.float64))[t].float()[:, None, None, None]


def noised(schedule, x0, noise, t):
    """x_t from x_0 (Ho et al. 2020, equation 4)."""
    left = schedule.alphas_cumprod
    return at(np.sqrt(left), t) * x0 + at(np.sqrt(1 - left), t) * noise


def predicted_start(schedule, x, epsilon, t):
    left = schedule.alphas_cumprod
    return at(np.sqrt(1 / left), t) * x - at(np.sqrt(1 / left - 1), t) * epsilon


def posterior_mean(schedule, x0, x, t):
    """The mean of q(x_{t-1} | x_t, x_0) (Ho et al. 2020, equation 7)."""
    return at(schedule.posterior_mean_x0, t) * x0 + at(schedule.posterior_mean_xt, t) * x


def prediction(schedule, output, x, t):
    """Mean, log variance and x_0 according to the network's output.

    With twice the channels, the variance is learned (Nichol & Dhariwal 2021, equation 15).
    """
    channels = x.shape[1]
    epsilon, values = output[:, :channels], output[:, channels:]
    start = predicted_start(schedule, x, epsilon, t)
    if values.shape[1]:
        share = (values + 1) / 2
        low = at(schedule.posterior_log_variance, t)
        log_variance = share * at(np.log(schedule.betas), t) + (1 - share) * low
    else:
        log_variance = at(schedule.fixed_large_log_variance, t).expand_as(x)
    return posterior_mean(schedule, start, x, t), log_variance, start


def ddpm_step(schedule, output, x, t, noise):
    """Ancestral sampling (Ho et al. 2020, algorithm 2); no noise at the last step."""
    mean, log_variance, _ = prediction(schedule, output, x, t)
    return mean + (t > 0).float()[:, None, None, None] * torch.exp(log_variance / 2) * noise


def ddim_step(schedule, output, x, t, noise, eta):
    """One DDIM step (Song et al. 2021, equations 12 and 16)."""
    start = prediction(schedule, output, x, t)[2]
    left, before = at(schedule.alphas_cumprod, t), at(schedule.alphas_cumprod_previous, t)
    reciprocals = 1 / schedule.alphas_cumprod
    epsilon = (at(np.sqrt(reciprocals), t) * x - start) / at(np.sqrt(reciprocals - 1), t)
    sigma = eta * torch.sqrt((1 - before) / (1 - left)) * torch.sqrt(1 - left / before)
    mean = start * torch.sqrt(before) + torch.sqrt(1 - before - sigma**2) * epsilon
    return mean + (t > 0).float()[:, None, None, None] * sigma * noise


def mean_of_rows(x):
    return x.flatten(1).mean(dim=1)


def normal_divergence(mean1, log_variance1, mean2, log_variance2):
    """KL of two diagonal normal distributions, in nats."""
    ratio = torch.exp(log_variance1 - log_variance2)
    distance = (mean1 - mean2) ** 2 * torch.exp(-log_variance2)
    return (log_variance2 - log_variance1 + ratio + distance - 1) / 2


def cumulative(x):
    """The tanh approximation of the standard normal distribution function."""
    return (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))) / 2


def discrete_log_likelihood(x, mean, log_variance):
    """log p of 8-bit values in [-1, 1] under a normal (Ho et al. 2020, equation 13), in nats."""
    precision = torch.exp(-log_variance / 2)
    upper = cumulative((x - mean + 1 / 255) * precision)
    lower = cumulative((x - mean - 1 / 255) * precision)
    share = torch.where(x > 0.999, 1 - lower, upper - lower)
    share = torch.where(x < -0.999, upper, share)
    return torch.log(share.clamp(min=1e-12))


def loss_terms(schedule, output, x0, xt, noise, t):
    """Per row: mean squared error, variational bound in bits (zeros for a fixed variance).

    The bound only trains the variance: its mean is detached, and it is not rescaled.
    """
    channels = x0.shape[1]
    epsilon, values = output[:, :channels], output[:, channels:]
    mse = mean_of_rows((noise - epsilon) ** 2)
    if not values.shape[1]:
        return mse, torch.zeros_like(mse)
    frozen = torch.cat([epsilon.detach(), values], dim=1)
    mean, log_variance, _ = prediction(schedule, frozen, xt, t)
    true_mean = posterior_mean(schedule, x0, xt, t)
    true_log_variance = at(schedule.posterior_log_variance, t)
    divergence = normal_divergence(true_mean, true_log_variance, mean, log_variance)
    first = -discrete_log_likelihood(x0, mean, log_variance)
    bound = torch.where(t == 0, mean_of_rows(first), mean_of_rows(divergence))
    return mse, bound / math.log(2)
