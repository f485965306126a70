"""sampler-NAME.safetensors: whole runs of each sampler over a small fixed network."""

import torch

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


# For each sampler its runs by name; `eta` in a name is that option.
RUNS = {
    "ddpm": {"default": respaced(diffusion.ddpm_step)},
    "ddim": {"default": ddim(0.0), "eta0.5": ddim(0.5)},
}


if __name__ == "__main__":
    prepare()
    for sampler, runs in RUNS.items():
        values = inputs()
        for name, run in runs.items():
            values[f"run.{name}"] = torch.stack(run(values))
        write_tensors(f"sampler-{sampler}", values, {"steps": STEP_COUNT})
