"""Makes diffusion.safetensors: the schedule, respacing, and single steps of a 10-step process."""

import numpy as np
import torch
from diffusers import DDIMScheduler, DDPMScheduler

import diffusion
from files import check, prepare, write_tensors

COUNTS = [1, 2, 7, 10, 50, 250, 999, 1000]
STEP_COUNT = 10
INDICES = {"first": 9, "middle": 5, "last": 0}


def tables(schedule):
    return {
        "betas": schedule.betas,
        "alphas_cumprod": schedule.alphas_cumprod,
        "posterior_variance": schedule.posterior_variance,
        "posterior_log_variance": schedule.posterior_log_variance,
        "fixed_large_log_variance": schedule.fixed_large_log_variance,
        "posterior_mean_coef1": schedule.posterior_mean_x0,
        "posterior_mean_coef2": schedule.posterior_mean_xt,
    }


def respacing(schedule):
    values = {}
    for count in COUNTS:
        short = schedule.respaced(count)
        if len(set(short.timesteps)) != count:
            raise AssertionError(f"{count} steps: some timesteps coincide")
        if not np.allclose(short.alphas_cumprod, schedule.alphas_cumprod[short.timesteps]):
            raise AssertionError(f"{count} steps: the product of alphas differs")
        values[f"timesteps.{count}"] = short.timesteps
        values[f"betas.{count}"] = short.betas
    return values


def single_steps(schedule):
    generator = torch.Generator().manual_seed(4)
    x, noise = torch.randn(2, 2, 4, 3, 3, generator=generator)
    output = torch.randn(2, 8, 3, 3, generator=generator)
    tensors = {"step.x": x, "step.noise": noise, "step.output": output}
    fixed = output[:, :4]
    tensors["step.output_fixed"] = fixed
    for name, index in INDICES.items():
        t = torch.full((2,), index)
        state = (schedule, output, x, t, noise)
        tensors[f"step.ddpm_learned.{name}"] = diffusion.ddpm_step(*state)
        tensors[f"step.ddpm_fixed.{name}"] = diffusion.ddpm_step(schedule, fixed, x, t, noise)
        tensors[f"step.ddim_eta0.{name}"] = diffusion.ddim_step(*state, 0.0)
        tensors[f"step.ddim_eta0.5.{name}"] = diffusion.ddim_step(*state, 0.5)
    return tensors


class Replayed:
    """Makes `torch.randn` return the given noise."""

    def __init__(self, noise):
        self.noise = noise

    def __enter__(self):
        self.original = torch.randn
        torch.randn = lambda *_, **__: self.noise

    def __exit__(self, *_):
        torch.randn = self.original


def check_steps(schedule, tensors):
    """Checks the respaced process against diffusers' schedulers with its betas."""
    settings = {
        "num_train_timesteps": STEP_COUNT,
        "trained_betas": schedule.betas,
        "clip_sample": False,
    }
    x, noise = tensors["step.x"], tensors["step.noise"]
    output, fixed = tensors["step.output"], tensors["step.output_fixed"]
    learned = DDPMScheduler(**settings, variance_type="learned_range")
    large = DDPMScheduler(**settings, variance_type="fixed_large")
    ddim = DDIMScheduler(**settings, set_alpha_to_one=True)
    ddim.set_timesteps(STEP_COUNT)
    for name, index in INDICES.items():
        with Replayed(noise):
            results = {
                "ddpm_learned": learned.step(output, index, x).prev_sample,
                "ddpm_fixed": large.step(fixed, index, x).prev_sample,
            }
        for eta in (0.0, 0.5):
            step = ddim.step(fixed, index, x, eta=eta, variance_noise=noise if eta else None)
            results[f"ddim_eta{eta:g}"] = step.prev_sample
        for kind, result in results.items():
            key = f"step.{kind}.{name}"
            check(f"{key} against diffusers", tensors[key], result, 1e-5)


if __name__ == "__main__":
    prepare()
    full = diffusion.Schedule.linear()
    short = full.respaced(STEP_COUNT)
    left = torch.from_numpy(full.alphas_cumprod)
    other = DDPMScheduler(beta_start=0.0001, beta_end=0.02, beta_schedule="linear")
    check("alphas_cumprod against diffusers", other.alphas_cumprod, left, 1e-5)
    steps = single_steps(short)
    check_steps(short, steps)
    arrays = tables(full) | respacing(full)
    values = {name: torch.from_numpy(array) for name, array in arrays.items()} | steps
    write_tensors("diffusion", values, {"steps": diffusion.STEPS, "places": INDICES})
