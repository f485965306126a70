#!/usr/bin/env python3
"""Times training steps of a DiT in plain PyTorch: the baseline of `dit benchmark train`.

The network of sample_step.py, the published loss (squared error of the noise, and the variational bound
for the variance), AdamW, and an EMA updated parameter by parameter, as in the published training loop.
Prints one JSON object.
"""

import argparse
import copy
import json
import math
import statistics
import time

import torch
from sample_step import CHANNELS, CLASS_COUNT, DiT

STEPS = 1000


class Process:
    """The linear noise schedule (Ho et al. 2020) and the training loss."""

    def __init__(self, device):
        betas = torch.linspace(1e-4, 0.02, STEPS, dtype=torch.float64)
        bars = torch.cumprod(1 - betas, 0)
        before = torch.cat([torch.ones(1, dtype=torch.float64), bars[:-1]])
        variance = betas * (1 - before) / (1 - bars)
        tables = {
            "signal": bars.sqrt(),
            "noise": (1 - bars).sqrt(),
            "inverse_signal": (1 / bars).sqrt(),
            "inverse_noise": (1 / bars - 1).sqrt(),
            "mean_start": betas * before.sqrt() / (1 - bars),
            "mean_noised": (1 - before) * (1 - betas).sqrt() / (1 - bars),
            "log_variance": torch.cat([variance[1:2], variance[1:]]).log(),
            "log_beta": betas.log(),
        }
        self.tables = {name: table.float().to(device) for name, table in tables.items()}

    def at(self, name, t):
        return self.tables[name][t][:, None, None, None]

    def loss(self, model, start, t, y, noise):
        noised = self.at("signal", t) * start + self.at("noise", t) * noise
        output, values = model(noised, t, y).split(CHANNELS, dim=1)
        error = ((noise - output) ** 2).mean(dim=(1, 2, 3))
        fixed = output.detach()
        predicted = self.at("inverse_signal", t) * noised - self.at("inverse_noise", t) * fixed
        low, high = self.at("log_variance", t), self.at("log_beta", t)
        share = (values + 1) / 2
        log_variance = share * high + (1 - share) * low
        means = [
            self.at("mean_start", t) * x + self.at("mean_noised", t) * noised
            for x in (start, predicted)
        ]
        divergence = 0.5 * (
            log_variance - low - 1 + (low - log_variance).exp()
            + (means[0] - means[1]) ** 2 * (-log_variance).exp()
        )
        return (error + divergence.mean(dim=(1, 2, 3)) / math.log(2)).mean()


@torch.no_grad()
def update(average, model, at_once, decay=0.9999):
    if at_once:
        torch._foreach_lerp_(list(average.parameters()), list(model.parameters()), 1 - decay)
        return
    for old, new in zip(average.parameters(), model.parameters()):
        old.mul_(decay).add_(new.data, alpha=1 - decay)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model-name", default="DiT-B/4")
    parser.add_argument("--image-size", type=int, default=256)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--steps", type=int, default=5, help="timed steps, after one warm-up step")
    parser.add_argument("--fused", action="store_true", help="AdamW(fused=True)")
    parser.add_argument(
        "--average-at-once", action="store_true", help="update the EMA with one multi-tensor operator"
    )
    parser.add_argument("--compile", action="store_true", help="run under torch.compile")
    parser.add_argument("--compile-mode", default="default", help="mode of torch.compile")
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32", help="bf16 uses autocast")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int)
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    torch.backends.cuda.matmul.allow_tf32 = True
    torch.backends.cudnn.allow_tf32 = True
    torch.manual_seed(0)
    size, rows = options.image_size // 8, options.batch_size
    device = options.device
    model = DiT(options.model_name, size).to(device)
    average = copy.deepcopy(model).requires_grad_(False)
    network = torch.compile(model, mode=options.compile_mode) if options.compile else model
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=1e-4, weight_decay=0, fused=options.fused or None)
    process = Process(device)
    start = torch.randn(rows, CHANNELS, size, size, device=device)
    labels = torch.randint(0, CLASS_COUNT, (rows,), device=device)
    times = []
    for _ in range(options.steps + 1):
        begun = time.perf_counter()
        t = torch.randint(0, STEPS, (rows,), device=device)
        y = torch.where(torch.rand(rows, device=device) < 0.1, CLASS_COUNT, labels)
        with torch.autocast(
            device.split(":")[0], torch.bfloat16, enabled=options.precision == "bf16"
        ):
            loss = process.loss(network, start, t, y, torch.randn_like(start))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        update(average, model, options.average_at_once)
        loss.item()
        times.append(time.perf_counter() - begun)
    print(
        json.dumps(
            {
                "seconds_per_step": statistics.median(times[1:]),
                "fastest_step_seconds": min(times[1:]),
                "first_step_seconds": times[0],
                "fused": options.fused,
                "compiled": options.compile and options.compile_mode,
                "precision": options.precision,
                "device": device,
                "peak_device_memory_bytes": (
                    torch.cuda.max_memory_allocated() if device.startswith("cuda") else None
                ),
                "threads": torch.get_num_threads(),
                "torch": torch.__version__,
            }
        )
    )


if __name__ == "__main__":
    main()
