"""Flows between noise and data, from the papers (Ma et al. 2024, Yu et al. 2025): paths, losses, solvers.

s is the share of noise. SiT's times are 1 - s, REPA's are s. All in float64.
"""

import math

import torch

FORMS = ("constant", "sbdm", "sigma", "linear", "decreasing", "increasing-decreasing")


def mixture(shape, s):
    """alpha and sigma at s, `[]` or `[N]`."""
    if shape == "linear":
        return 1 - s, s
    if shape == "gvp":
        return torch.cos(math.pi / 2 * s), torch.sin(math.pi / 2 * s)
    log = -0.25 * s**2 * (20 - 0.1) - 0.5 * s * 0.1
    return log.exp(), (1 - (2 * log).exp()).sqrt()


def slopes(shape, s):
    """alpha, sigma and their slopes over s, the latter by automatic differentiation."""
    s = torch.as_tensor(s, dtype=torch.float64).detach().requires_grad_(True)
    values = mixture(shape, s)
    parts = [torch.autograd.grad(value.sum(), s, retain_graph=True)[0] for value in values]
    return (*(value.detach() for value in values), *parts)


class Flow:
    """A network with the meaning of its output and its scale of times."""

    def __init__(self, shape, prediction, network, reversed_times=False):
        self.shape, self.prediction, self.network = shape, prediction, network
        self.reversed_times = reversed_times

    def parts(self, x, s):
        """x0 and noise that the network predicts for x at s."""
        alpha, sigma, alpha_slope, sigma_slope = slopes(self.shape, s)
        output = self.network(x, float(s) if self.reversed_times else 1 - float(s))
        if self.prediction == "velocity":
            # Two equations for two unknowns, in a time that grows with s.
            slope = output if self.reversed_times else -output
            matrix = torch.stack([torch.stack([alpha, sigma]), torch.stack([alpha_slope, sigma_slope])])
            inverse = torch.linalg.inv(matrix)
            return inverse[0, 0] * x + inverse[0, 1] * slope, inverse[1, 0] * x + inverse[1, 1] * slope
        if self.prediction == "x0":
            return output, (x - alpha * output) / sigma
        noise = output if self.prediction == "noise" else -sigma * output
        return (x - sigma * noise) / alpha, noise

    def velocity(self, x, s):
        """dx/ds."""
        _, _, alpha_slope, sigma_slope = slopes(self.shape, s)
        if self.prediction == "velocity":
            output = self.network(x, float(s) if self.reversed_times else 1 - float(s))
            return output if self.reversed_times else -output
        x0, noise = self.parts(x, s)
        return alpha_slope * x0 + sigma_slope * noise

    def score(self, x, s):
        return -self.parts(x, s)[1] / mixture(self.shape, torch.as_tensor(s))[1]


def ends(shape, prediction):
    """The shares of noise at the start and the end of sampling, as SiT's code has them."""
    if shape == "vp":
        return 1.0, 1e-3
    return (1.0, 0.0) if prediction == "velocity" else (0.999, 0.001)


def grid(steps, start, end):
    return [start + (end - start) * index / steps for index in range(steps)] + [end]


def euler(flow, x, steps):
    times, states = grid(steps, *ends(flow.shape, flow.prediction)), []
    for s, end in zip(times, times[1:]):
        x = x + flow.velocity(x, s) * (end - s)
        states.append(x)
    return states


def heun(flow, x, steps):
    times, states = grid(steps, *ends(flow.shape, flow.prediction)), []
    for s, end in zip(times, times[1:]):
        first = flow.velocity(x, s)
        x1 = x + first * (end - s)
        # REPA's code leaves the last step uncorrected.
        if end != times[-1] or not flow.reversed_times:
            x1 = x + (first + flow.velocity(x1, end)) / 2 * (end - s)
        x = x1
        states.append(x)
    return states


def diffusion(form, shape, s, norm=1.0):
    alpha, sigma, alpha_slope, sigma_slope = slopes(shape, s)
    return {
        "constant": norm,
        "sbdm": norm * (sigma * sigma_slope - alpha_slope / alpha * sigma**2),
        "sigma": norm * sigma,
        "linear": norm * s,
        "decreasing": 0.25 * (norm * math.cos(math.pi * (1 - s)) + 1) ** 2,
        "increasing-decreasing": norm * math.sin(math.pi * s) ** 2,
    }[form]


def euler_sde(flow, x, steps, noise, form="sigma", norm=1.0, last="mean", size=0.04):
    start = ends(flow.shape, flow.prediction)[0]
    if form == "sbdm" and flow.shape != "vp":
        start = 0.999
    times = grid(steps, start, ends(flow.shape, flow.prediction)[1])
    if last != "none":
        times = grid(steps - 1, start, size) + [0.0]
    states = []
    for index, (s, end) in enumerate(zip(times, times[1:])):
        is_last = index == steps - 1 and last != "none"
        distance, w = s - end, diffusion(form, flow.shape, s, norm)
        if is_last and last == "tweedie":
            x = flow.parts(x, s)[0]
        elif is_last and last == "euler":
            x = x - flow.velocity(x, s) * distance
        else:
            x = x + (-flow.velocity(x, s) + w * flow.score(x, s)) * distance
            if not is_last:
                x = x + noise[index] * math.sqrt(2 * w * distance)
        states.append(x)
    return states


def target(shape, prediction, x0, noise, s):
    """What the network should give at s `[N]`, in SiT's times; for a score, times sigma."""
    _, _, alpha_slope, sigma_slope = (part.reshape(-1, 1, 1, 1) for part in slopes(shape, s))
    return {
        "velocity": -(alpha_slope * x0 + sigma_slope * noise),
        "noise": noise, "score": -noise, "x0": x0}[prediction]


def weight(shape, prediction, weighting, s):
    """Ma et al. 2024, section 2.3; for x0 the same error in terms of x0."""
    if weighting == "none" or prediction == "velocity":
        return torch.ones_like(s)
    alpha, sigma, alpha_slope, sigma_slope = slopes(shape, s)
    drift = sigma * sigma_slope - alpha_slope / alpha * sigma**2
    value = (drift / sigma) ** 2 if weighting == "velocity" else drift / sigma**2
    return value * (alpha / sigma) ** 2 if prediction == "x0" else value
