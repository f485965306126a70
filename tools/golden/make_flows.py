"""flows.safetensors: runs, losses and gradients of flows; training-flow.safetensors: AdamW steps of one.

Solvers of the ODE are compared with torchdiffeq, multistep methods with diffusers. Run make_dit.py first.
"""

import torch
import torchdiffeq
from diffusers import DPMSolverMultistepScheduler, UniPCMultistepScheduler
from safetensors import safe_open
from torch.optim import AdamW

import flows
from files import FOLDER, check, prepare, write_tensors
from make_dit import CONFIGS
from reference import Network, parameter_shapes

DRAWS, ROWS, CHANNELS = 20, 2, 2
SHAPES = ("linear", "gvp", "vp")
PREDICTIONS = ("velocity", "noise", "score", "x0")
WEIGHTINGS = ("none", "velocity", "likelihood")
CONFIG = CONFIGS["fixed"]
TRAINING_STEPS, TRAINING_ROWS = 6, 4


def inputs():
    generator = torch.Generator().manual_seed(21)
    shape = (ROWS, CHANNELS, 3, 3)
    return {
        "start": torch.randn(shape, generator=generator),
        "noise": torch.randn((DRAWS, *shape), generator=generator),
        "weights": torch.randn((1, CHANNELS, 1, 1), generator=generator),
        "shifts": torch.randn((1, CHANNELS, 1, 1), generator=generator),
    }


def network(values):
    weights, shifts = values["weights"].double(), values["shifts"].double()
    return lambda x, time: torch.tanh(weights * x + shifts * time)


def over_time(flow, start, method, steps=1, **options):
    """torchdiffeq's solver in the family's scale of times."""
    begin, end = flows.ends(flow.shape, flow.prediction)
    count = steps + 1
    if not flow.reversed_times:
        begin, end = 1 - begin, 1 - end
    times = torch.linspace(begin, end, count, dtype=torch.float64)

    def slope(time, x):
        s = float(time) if flow.reversed_times else 1 - float(time)
        value = flow.velocity(x, s)
        return value if flow.reversed_times else -value

    return torchdiffeq.odeint(slope, start, times, method=method, **options)[1:]


def multistep(kind, values, steps, **options):
    """diffusers' scheduler over equal steps from 0.999 to 0, on SiT's velocity."""
    scheduler = kind(prediction_type="flow_prediction", use_flow_sigmas=True, **options)
    scheduler.set_timesteps(steps)
    scheduler.sigmas = torch.tensor(flows.grid(steps, 0.999, 0.0))
    ask, x, states = network(values), values["start"].double(), []
    for index, time in enumerate(scheduler.timesteps):
        velocity = -ask(x, 1 - float(scheduler.sigmas[index]))
        more = {"variance_noise": values["noise"][index].double()} if "algorithm_type" in options and \
            options["algorithm_type"].startswith("sde") else {}
        x = scheduler.step(velocity, time, x, **more).prev_sample
        states.append(x)
    return states


def runs(values):
    """The latents after each step, by sampler and options; of dopri5 at the end."""
    start, noise = values["start"].double(), values["noise"].double()
    ask, results = network(values), {}
    for shape in SHAPES:
        for prediction in PREDICTIONS:
            flow = flows.Flow(shape, prediction, ask)
            name = f"shape-{shape},prediction-{prediction}"
            for steps in (1, 5):
                results[f"euler,steps{steps},{name}"] = flows.euler(flow, start, steps)
                results[f"heun,steps{steps},{name}"] = flows.heun(flow, start, steps)
            for method in ("euler", "heun"):
                states = over_time(flow, start, {"heun": "heun2"}.get(method, method), 5)
                for ours, theirs in zip(results[f"{method},steps5,{name}"], states):
                    check(f"{method} {name} against torchdiffeq", ours, theirs, 1e-10)
            results[f"euler-sde,steps5,{name}"] = flows.euler_sde(flow, start, 5, noise)
            # Beyond the end, where torchdiffeq asks too, a variance-preserving path has no noise, and
            # the velocity that x0 gives is beyond bounds.
            if prediction == "velocity" or (shape != "vp" and prediction != "x0"):
                results[f"dopri5,{name}"] = over_time(flow, start, "dopri5", atol=1e-6, rtol=1e-3)
    flow = flows.Flow("linear", "velocity", ask)
    for atol, rtol in ((1e-3, 1e-2), (1e-5, 1e-5)):
        results[f"dopri5,atol{atol},rtol{rtol}"] = over_time(flow, start, "dopri5", atol=atol, rtol=rtol)
    vp = flows.Flow("vp", "noise", ask)
    results["euler-sde,steps5,shape-vp,prediction-noise,form-sbdm"] = flows.euler_sde(
        vp, start, 5, noise, form="sbdm")
    for form in flows.FORMS:
        results[f"euler-sde,steps5,form-{form},norm0.7"] = flows.euler_sde(
            flow, start, 5, noise, form=form, norm=0.7)
    for last in ("euler", "tweedie", "none"):
        results[f"euler-sde,steps5,last-{last},size0.1"] = flows.euler_sde(
            flow, start, 5, noise, last=last, size=0.1)
    reversed_flow = flows.Flow("linear", "velocity", ask, reversed_times=True)
    results["euler,steps5,family-repa"] = flows.euler(reversed_flow, start, 5)
    results["heun,steps5,family-repa"] = flows.heun(reversed_flow, start, 5)
    results["euler-sde,steps20,family-repa"] = flows.euler_sde(reversed_flow, start, 20, noise)
    results["dopri5,family-repa"] = over_time(reversed_flow, start, "dopri5", atol=1e-6, rtol=1e-3)
    for steps in (1, 2, 5, 10, 20):
        for order in (2, 3):
            results[f"unipc,steps{steps},order{order}"] = multistep(
                UniPCMultistepScheduler, values, steps, solver_order=order)
        for name, algorithm, order in (
            ("dpm++2m", "dpmsolver++", 2), ("dpm++3m", "dpmsolver++", 3), ("dpm++2m-sde", "sde-dpmsolver++", 2)):
            results[f"{name},steps{steps}"] = multistep(
                DPMSolverMultistepScheduler, values, steps, solver_order=order, algorithm_type=algorithm)
    return {f"run.{name}": torch.stack(list(states)).float() for name, states in results.items()}


def losses():
    """The loss of a given output in float64, and its gradient."""
    generator = torch.Generator().manual_seed(22)
    shape = (4, CHANNELS, 3, 3)
    tensors = {name: torch.randn(shape, generator=generator) for name in ("x0", "noise", "output")}
    tensors["t"] = torch.tensor([0.03, 0.4, 0.77, 0.96])
    results = {f"loss.{name}": value for name, value in tensors.items()}
    x0, noise, output, t = (tensors[name].double() for name in ("x0", "noise", "output", "t"))
    s = 1 - t
    for path in SHAPES:
        alpha, sigma = (part.reshape(-1, 1, 1, 1) for part in flows.mixture(path, s))
        results[f"loss.xt.{path}"] = (alpha * x0 + sigma * noise).float()
        for prediction in PREDICTIONS:
            for weighting in WEIGHTINGS if prediction != "velocity" else ("none",):
                leaf = output.clone().requires_grad_(True)
                predicted = leaf * sigma if prediction == "score" else leaf
                error = predicted - flows.target(path, prediction, x0, noise, s)
                rows = error.square().mean(dim=(1, 2, 3))
                loss = (flows.weight(path, prediction, weighting, s) * rows).mean()
                loss.backward()
                name = f"loss.{path}.{prediction}.{weighting}"
                results[f"{name}.rows"] = rows.detach().float()
                results[f"{name}.total"] = loss.detach().float()
                results[f"{name}.gradient"] = leaf.grad.float()
    return results


def training():
    """Steps of AdamW on the velocity of a linear path, in float64, and all gradients of the first."""
    with safe_open(FOLDER / "dit-fixed.safetensors", "pt") as file:
        weights = {name: file.get_tensor(f"weights.{name}").double() for name in parameter_shapes(CONFIG)}
    leaves = {name: value for name, value in weights.items() if name != "pos_embed"}
    for leaf in leaves.values():
        leaf.requires_grad_(True)
    generator = torch.Generator().manual_seed(23)
    shape = (TRAINING_STEPS, TRAINING_ROWS, CONFIG.channels, CONFIG.input_size, CONFIG.input_size)
    data = {
        "x0": torch.randn(shape, generator=generator) * 0.8,
        "noise": torch.randn(shape, generator=generator),
        "t": torch.rand(shape[:2], generator=generator),
        "y": torch.randint(0, CONFIG.classes + 1, shape[:2], generator=generator),
    }
    optimizer, network, results, gradients = AdamW(leaves.values(), lr=1e-3, weight_decay=0.0), Network(CONFIG, weights), [], {}
    for x0, noise, t, y in zip(*(data[name] for name in ("x0", "noise", "t", "y"))):
        x0, noise, t = x0.double(), noise.double(), t.double()
        share = t.reshape(-1, 1, 1, 1)
        output = network(share * x0 + (1 - share) * noise, t, y)
        loss = (output - flows.target("linear", "velocity", x0, noise, 1 - t)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        gradients = gradients or {name: leaf.grad.clone() for name, leaf in leaves.items()}
        optimizer.step()
        results.append(loss.item())
    tensors = {f"steps.{name}": value for name, value in data.items()}
    tensors["losses"] = torch.tensor(results, dtype=torch.float64)
    return tensors | {f"gradients.{name}": value.float() for name, value in gradients.items()}


if __name__ == "__main__":
    prepare()
    values = inputs()
    write_tensors("flows", values | runs(values) | losses(), {})
    write_tensors("training-flow", training(), {"weights": "dit-fixed", "lr": 1e-3})
