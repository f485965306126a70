"""sampler-NAME.safetensors: whole runs of each sampler over a small fixed network."""

import torch
from diffusers import HeunDiscreteScheduler

import diffusion
from files import prepare, write_tensors

STEP_COUNT = 10
CHANNELS = 2


def network(values, x, time):
    """Noise, then the variance's share: smooth, not linear, and different at each time."""
    double = torch.cat([x, x], dim=1)
    return torch.tanh(values["weights"] * double + values["shifts"] * (time / 1000))


def inputs():
    generator = torch.Generator().manual_seed(12)
    shape = (2, CHANNELS, 3, 3)
    return {
        "start": torch.randn(shape, generator=generator),
        "noise": torch.randn((STEP_COUNT, *shape), generator=generator),
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


# For each sampler its runs by name; `eta` in a name is that option.
RUNS = {
    "ddpm": {"default": respaced(diffusion.ddpm_step)},
    "ddim": {"default": ddim(0.0), "eta0.5": ddim(0.5)},
    "heun": {"default": heun},
}


if __name__ == "__main__":
    prepare()
    for sampler, runs in RUNS.items():
        values = inputs()
        for name, run in runs.items():
            values[f"run.{name}"] = torch.stack(run(values))
        write_tensors(f"sampler-{sampler}", values, {"steps": STEP_COUNT})
