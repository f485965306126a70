"""sampler-NAME.safetensors: whole runs of each sampler over a small fixed network."""

import torch
from diffusers import (
    DPMSolverMultistepScheduler, EulerDiscreteScheduler, HeunDiscreteScheduler, UniPCMultistepScheduler)

import diffusion
from files import prepare, write_tensors

STEP_COUNT = 10
CHANNELS = 2


def network(values, x, time):
    """Noise, then the variance's share: smooth, not linear, and different at each time."""
    double = torch.cat([x, x], dim=1)
    return torch.tanh(values["weights"] * double + values["shifts"] * (time / 1000))


def inputs(draws):
    generator = torch.Generator().manual_seed(12)
    shape = (2, CHANNELS, 3, 3)
    return {
        "start": torch.randn(shape, generator=generator),
        "noise": torch.randn((draws, *shape), generator=generator),
        "weights": torch.randn((1, 2 * CHANNELS, 1, 1), generator=generator),
        "shifts": torch.randn((1, 2 * CHANNELS, 1, 1), generator=generator),
    }


def respaced(step):
    """Runs over the evenly respaced timesteps; `make_diffusion.py` checks the steps themselves."""

    def run(values):
        schedule = diffusion.Schedule.linear().respaced(STEP_COUNT)
        x, states = values["start"], []
        for index in range(STEP_COUNT):
            place = STEP_COUNT - 1 - index
            output = network(values, x, float(schedule.timesteps[place]))
            t = torch.full((len(x),), place)
            x = step(schedule, output, x, t, values["noise"][index])
            states.append(x)
        return states

    return run


def ddim(eta):
    return respaced(lambda *state: diffusion.ddim_step(*state, eta))


def scaled(x, sigma):
    """From diffusers' latents, whose signal has the factor 1, to those of the network."""
    return x / (sigma**2 + 1).sqrt()


def heun(values):
    """diffusers' scheduler; it asks the network twice a step but for the last."""
    scheduler = HeunDiscreteScheduler(
        beta_start=0.0001, beta_end=0.02, beta_schedule="linear", timestep_spacing="linspace")
    scheduler.set_timesteps(STEP_COUNT)
    x, states = values["start"] * (scheduler.sigmas[0] ** 2 + 1).sqrt(), []
    for index, time in enumerate(scheduler.timesteps):
        network_input = scheduler.scale_model_input(x, time)
        noise = network(values, network_input, float(time))[:, :CHANNELS]
        x = scheduler.step(noise, time, x).prev_sample
        if scheduler.state_in_first_order:
            states.append(scaled(x, scheduler.sigmas[index + 1]))
    return states + [x]


def scheduled(kind, steps, **options):
    """Runs diffusers' scheduler whose latents are those of the network."""

    def run(values):
        scheduler = kind(
            beta_start=0.0001, beta_end=0.02, beta_schedule="linear", **options)
        scheduler.set_timesteps(steps)
        x, states = values["start"], []
        for index, time in enumerate(scheduler.timesteps):
            noise = network(values, x, float(time))[:, :CHANNELS]
            if options.get("algorithm_type") == "sde-dpmsolver++":
                more = {"variance_noise": values["noise"][index]}
            else:
                more = {}
            x = scheduler.step(noise, time, x, **more).prev_sample
            states.append(x)
        return states

    return run


def euler(steps, spacing):
    def run(values):
        scheduler = EulerDiscreteScheduler(
            beta_start=0.0001, beta_end=0.02, beta_schedule="linear", timestep_spacing=spacing)
        scheduler.set_timesteps(steps)
        x, states = values["start"] * (scheduler.sigmas[0] ** 2 + 1).sqrt(), []
        for index, time in enumerate(scheduler.timesteps):
            noise = network(values, scheduler.scale_model_input(x, time), float(time))[:, :CHANNELS]
            x = scheduler.step(noise, time, x).prev_sample
            states.append(scaled(x, scheduler.sigmas[index + 1]))
        return states

    return run


def dpm(**options):
    return multistep(DPMSolverMultistepScheduler, **options)


def multistep(kind, **options):
    """Runs over several grids and numbers of steps. Only linspace and trailing start from the last
    timestep, and leading from another."""
    return {
        f"steps{steps},spacing-{spacing}":
            scheduled(kind, steps, timestep_spacing=spacing, **options)
        for steps, spacing in (
            (1, "linspace"), (2, "linspace"), (5, "trailing"), (10, "linspace"), (10, "leading"), (20, "linspace"))}


def ordered(order):
    runs = multistep(UniPCMultistepScheduler, solver_order=order)
    return {f"order{order},{name}": run for name, run in runs.items()}


# For each sampler its runs. A name is a list of options.
RUNS = {
    "ddpm": {"default": respaced(diffusion.ddpm_step)},
    "ddim": {"default": ddim(0.0), "eta0.5": ddim(0.5)},
    "heun": {"default": heun},
}

# Those that need more draws of noise, or have files of their own for another reason.
MORE_RUNS = {
    "euler": {
        f"steps{steps},spacing-{spacing}": euler(steps, spacing)
        for steps, spacing in ((2, "linspace"), (10, "linspace"), (5, "trailing"), (20, "leading"))},
    "unipc": ordered(2) | ordered(3),
    "dpm++2m": dpm(algorithm_type="dpmsolver++", solver_order=2),
    "dpm++3m": dpm(algorithm_type="dpmsolver++", solver_order=3),
    "dpm++2m-sde": dpm(algorithm_type="sde-dpmsolver++", solver_order=2),
}


if __name__ == "__main__":
    prepare()
    for draws, table in ((STEP_COUNT, RUNS), (20, MORE_RUNS)):
        for sampler, runs in table.items():
            values = inputs(draws)
            for name, run in runs.items():
                values[f"run.{name}"] = torch.stack(run(values))
            write_tensors(f"sampler-{sampler}", values, {"steps": STEP_COUNT})
