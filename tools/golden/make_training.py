"""Makes training.safetensors: AdamW steps, bound, loss weights, learning rates, loss scale, draws.

Trains the network of dit-even.safetensors; run make_dit.py first.
"""

import math
from dataclasses import asdict

import numpy as np
import torch
from safetensors import safe_open
from torch.optim import SGD, AdamW, lr_scheduler

import diffusion
from files import FOLDER, check, prepare, relative_error, write_tensors
from make_dit import CONFIGS, check_bound
from reference import Network, parameter_shapes

CONFIG = CONFIGS["even"]
SEEDS = {"steps": 5, "bound": 6, "draws": 3407}
STEPS, ROWS = 10, 4
DROPOUT = 0.1
ADAMW = {"lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-8}
WEIGHT_DECAY = 0.03
EMA_DECAY = 0.9
MAX_NORM = 0.5
MAX_NORM_SOME = 5.0
KEPT = [
    "x_embedder.proj.weight",
    "y_embedder.embedding_table.weight",
    "blocks.0.attn.qkv.weight",
    "final_layer.linear.bias",
]
BOUND_TIMES = [0, 1, 500, 999]
GAMMA = 5.0
WARMUP, DECAY, LAST_STEP = 10, 100, 120
START, END, POWER = 1e-4, 1e-6, 2
SCALER = {
    "init_scale": 65536.0,
    "growth_factor": 2.0,
    "backoff_factor": 0.5,
    "growth_interval": 5,
}
# Two growths in a row, an overflow one step before growth, overflows in a row, one just after growth.
FOUND_INF = [n in (11, 16, 17, 23, 24, 25) for n in range(30)]
DRAWN_ROWS = 8


def image_shape(rows):
    return rows, CONFIG.channels, CONFIG.input_size, CONFIG.input_size


def starting_weights():
    with safe_open(FOLDER / "dit-even.safetensors", "pt") as file:
        return {name: file.get_tensor(f"weights.{name}") for name in parameter_shapes(CONFIG)}


def batches():
    """The data of all steps, `[10, 4, ...]`; labels after dropout."""
    generator = torch.Generator().manual_seed(SEEDS["steps"])
    x0 = torch.randn(STEPS, *image_shape(ROWS), generator=generator) * 0.8
    noise = torch.randn(x0.shape, generator=generator)
    t = torch.randint(0, diffusion.STEPS, (STEPS, ROWS), generator=generator)
    labels = torch.randint(0, CONFIG.classes, (STEPS, ROWS), generator=generator)
    dropped = torch.rand(STEPS, ROWS, generator=generator) < DROPOUT
    if not dropped.any() or not t.all():
        raise ValueError("no label is dropped, or a t is 0: choose another seed")
    y = torch.where(dropped, CONFIG.classes, labels)
    return {"x0": x0, "noise": noise, "t": t, "y": y}


def trained(data, dtype, weight_decay=0.0, max_norm=math.inf):
    """Losses and gradient norms of the steps, `[10]`; the final weights and their EMA."""
    schedule = diffusion.Schedule.linear()
    weights = {name: value.to(dtype, copy=True) for name, value in starting_weights().items()}
    leaves = {name: value for name, value in weights.items() if name != "pos_embed"}
    averages = {name: value.clone() for name, value in leaves.items()}
    for leaf in leaves.values():
        leaf.requires_grad_(True)
    optimizer = AdamW(leaves.values(), **ADAMW, weight_decay=weight_decay)
    network, losses, norms = Network(CONFIG, weights), [], []
    for x0, noise, t, y in zip(data["x0"], data["noise"], data["t"], data["y"]):
        x0, noise = x0.to(dtype), noise.to(dtype)
        xt = diffusion.noised(schedule, x0, noise, t)
        mse, bound = diffusion.loss_terms(schedule, network(xt, t, y), x0, xt, noise, t)
        loss = (mse + bound).mean()
        optimizer.zero_grad()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(leaves.values(), max_norm)
        optimizer.step()
        with torch.no_grad():
            for name, leaf in leaves.items():
                averages[name].mul_(EMA_DECAY).add_(leaf, alpha=1 - EMA_DECAY)
        losses.append(loss.item())
        norms.append(norm.item())
    results = {
        "losses": torch.tensor(losses, dtype=torch.float64),
        "grad_norms": torch.tensor(norms, dtype=torch.float64),
    }
    results |= {f"weights.{name}": leaves[name].detach() for name in KEPT}
    return results | {f"averages.{name}": averages[name] for name in KEPT}


def step_tensors():
    """The runs in float64. Checks that float32 agrees, and that the runs differ from each other."""
    data = batches()
    runs = {
        "adamw": {},
        "adamw_wd": {"weight_decay": WEIGHT_DECAY},
        "clipped": {"max_norm": MAX_NORM},
        "clipped_some": {"max_norm": MAX_NORM_SOME},
    }
    exact = {name: trained(data, torch.float64, **options) for name, options in runs.items()}
    for name, options in runs.items():
        for key, value in trained(data, torch.float32, **options).items():
            check(f"{name}.{key} in float32 against float64", value, exact[name][key], 5e-6)
        difference = relative_error(exact[name]["losses"], exact["adamw"]["losses"])
        if name != "adamw" and difference < 1e-4:
            raise AssertionError(f"{name}.losses: only {difference:.1e} from adamw.losses")
    above = exact["clipped_some"]["grad_norms"] > MAX_NORM_SOME
    if above.all() or not above.any():
        raise AssertionError("clipped_some: either all gradients are clipped or none")
    tensors = {f"steps.{name}": value for name, value in data.items()}
    tensors |= {f"{name}.losses": results["losses"] for name, results in exact.items()}
    tensors["adamw.grad_norms"] = exact["adamw"]["grad_norms"]
    for name in KEPT:
        tensors[f"adamw.weights.{name}"] = exact["adamw"][f"weights.{name}"].float()
        tensors[f"ema.weights.{name}"] = exact["adamw"][f"averages.{name}"].float()
    return tensors


def bound_tensors():
    """The bound of a given output in float32 and float64, `[4]` in bits."""
    schedule = diffusion.Schedule.linear()
    generator = torch.Generator().manual_seed(SEEDS["bound"])
    t = torch.tensor(BOUND_TIMES)
    shape = image_shape(len(t))
    x0 = torch.randn(shape, generator=generator) * 0.8
    noise = torch.randn(shape, generator=generator)
    epsilon = noise + torch.randn(shape, generator=generator) / 2
    output = torch.cat([epsilon, torch.randn(shape, generator=generator) / 2], dim=1)
    xt = diffusion.noised(schedule, x0, noise, t)

    def bits(dtype):
        rows = (value.to(dtype) for value in (output, x0, xt, noise))
        return diffusion.loss_terms(schedule, *rows, t)[1]

    near = bits(torch.float64)
    check_bound(schedule, near, *(value.double() for value in (output, x0, xt)), t)

    # At t = 0, one value is so far from its prediction that its likelihood is the floor, 1e-12.
    mean, log_variance, _ = diffusion.prediction(schedule, output[:1], xt[:1], t[:1])
    before = diffusion.discrete_log_likelihood(x0[:1], mean, log_variance)[0, 0, 0, 0]
    output[0, 0, 0, 0] += 40
    wide = bits(torch.float64)
    rise = (before.double() - math.log(1e-12)) / (math.log(2) * x0[0].numel())
    expected = near + torch.tensor([rise.item(), 0.0, 0.0, 0.0])
    check("bound with one value at the floor", wide, expected, 1e-6)
    narrow = bits(torch.float32)
    check("bound in float32 against float64", narrow, wide, 1e-5)
    tensors = {"t": t, "x0": x0, "xt": xt, "output": output, "bits": narrow, "bits64": wide}
    return {f"bound.{name}": value for name, value in tensors.items()}


def loss_weights():
    """min(SNR, 5) / SNR of every timestep, float64 (Hang et al. 2023, for predicted noise)."""
    left = diffusion.Schedule.linear().alphas_cumprod
    ratio = left / (1 - left)
    weights = np.minimum(ratio, GAMMA) / ratio
    other = np.minimum(1, GAMMA * (1 / left - 1))
    check("weights", torch.from_numpy(weights), torch.from_numpy(other), 1e-12)
    return {"min_snr.weights": torch.from_numpy(weights)}


def schedule_values():
    """Learning rates of steps 0 ... 120, from the formulas."""
    decays = {
        "constant": lambda p: START,
        "linear": lambda p: START + (END - START) * p,
        "cosine": lambda p: END + (START - END) * (1 + math.cos(math.pi * p)) / 2,
        "polynomial": lambda p: END + (START - END) * (1 - p) ** POWER,
    }

    def rate(decay, step):
        if step < WARMUP:
            return START * (step + 1) / WARMUP
        return decay(min(1, (step - WARMUP) / DECAY))

    steps = range(LAST_STEP + 1)
    return {
        name: torch.tensor([rate(decay, step) for step in steps], dtype=torch.float64)
        for name, decay in decays.items()
    }


def torch_rates(decay, start=START, **options):
    """Learning rates of PyTorch's schedulers up to the end of the decay: warm-up, then `decay`."""
    optimizer = SGD([torch.zeros(1)], lr=start)
    warmup = lr_scheduler.LinearLR(optimizer, start_factor=1 / WARMUP, total_iters=WARMUP - 1)
    parts = [warmup, decay(optimizer, **options)]
    scheduler = lr_scheduler.SequentialLR(optimizer, parts, milestones=[WARMUP])
    rates = []
    for _ in range(WARMUP + DECAY + 1):
        rates += scheduler.get_last_lr()
        optimizer.step()
        scheduler.step()
    return torch.tensor(rates, dtype=torch.float64)


def schedule_tensors():
    values = schedule_values()
    constant = torch_rates(lr_scheduler.ConstantLR, factor=1.0)
    linear = torch_rates(
        lr_scheduler.LinearLR, start_factor=1.0, end_factor=END / START, total_iters=DECAY
    )
    # PyTorch's cosine rises again after the end of the decay.
    cosine = torch_rates(lr_scheduler.CosineAnnealingLR, T_max=DECAY, eta_min=END)
    # PyTorch's polynomial ends at 0; shifted up, it agrees after the warm-up.
    polynomial = END + torch_rates(
        lr_scheduler.PolynomialLR, start=START - END, total_iters=DECAY, power=POWER
    )
    polynomial[:WARMUP] = constant[:WARMUP]
    rates = {"constant": constant, "linear": linear, "cosine": cosine, "polynomial": polynomial}
    for name, value in values.items():
        check(f"schedule.{name} against PyTorch", value[: len(rates[name])], rates[name], 1e-12)
    return {f"schedule.{name}": value for name, value in values.items()}


def scaler_tensors():
    """The scale after each step of PyTorch's scaler, with the given overflows."""
    parameter = torch.zeros(1, requires_grad=True)
    optimizer = SGD([parameter], lr=0.0)
    scaler = torch.amp.GradScaler(device="cpu", **SCALER)
    scales = []
    for fault in FOUND_INF:
        optimizer.zero_grad()
        scaler.scale((parameter * (math.inf if fault else 1.0)).sum()).backward()
        scaler.step(optimizer)
        scaler.update()
        scales.append(scaler.get_scale())
    expected, scale, good = [], SCALER["init_scale"], 0
    for fault in FOUND_INF:
        good = 0 if fault else good + 1
        if fault:
            scale *= SCALER["backoff_factor"]
        elif good == SCALER["growth_interval"]:
            scale, good = scale * SCALER["growth_factor"], 0
        expected.append(scale)
    if scales != expected:
        raise AssertionError(f"the scaler returned {scales}, expected {expected}")
    return {
        "scaler.found_inf": torch.tensor(FOUND_INF),
        "scaler.scale": torch.tensor(scales, dtype=torch.float64),
    }


def draw_tensors():
    """All draws of one step for the whole batch, in this order, from one generator."""
    generator = torch.Generator().manual_seed(SEEDS["draws"])
    shape = image_shape(DRAWN_ROWS)
    posterior = torch.randn(shape, generator=generator)
    t = torch.randint(0, diffusion.STEPS, (DRAWN_ROWS,), generator=generator)
    noise = torch.randn(shape, generator=generator)
    uniform = torch.rand(DRAWN_ROWS, generator=generator)
    draws = {"posterior": posterior, "t": t, "noise": noise, "uniform": uniform}
    draws["dropout"] = uniform < DROPOUT
    return {f"draws.{name}": value for name, value in draws.items()}


def header():
    return asdict(CONFIG) | {
        "order": list(parameter_shapes(CONFIG)),
        "weights": "dit-even",
        "adamw": ADAMW,
        "weight_decay": WEIGHT_DECAY,
        "ema_decay": EMA_DECAY,
        "max_norm": {"clipped": MAX_NORM, "clipped_some": MAX_NORM_SOME},
        "gamma": GAMMA,
        "schedule": {
            "warmup": WARMUP,
            "decay": DECAY,
            "start": START,
            "end": END,
            "power": POWER,
        },
        "scaler": SCALER,
        "draws": {"seed": SEEDS["draws"], "dropout": DROPOUT},
    }


if __name__ == "__main__":
    prepare()
    print("training")
    tensors = step_tensors() | bound_tensors() | loss_weights() | schedule_tensors()
    write_tensors("training", tensors | scaler_tensors() | draw_tensors(), header())
