"""Makes dit-{even,odd,fixed}.safetensors: network, guidance, losses, gradients, trajectories."""

import math
from dataclasses import asdict

import torch
from diffusers import DiTTransformer2DModel
from torch.distributions import Normal, kl_divergence

import diffusion
from files import check, prepare, random_weights, relative_error, write_tensors
from reference import Config, Network, guided, parameter_shapes, position_embedding

CONFIGS = {
    "even": Config(8, 4, 2, 32, 2, 2, 10, True),
    "odd": Config(6, 4, 2, 48, 3, 3, 10, True),
    "fixed": Config(12, 3, 4, 32, 1, 4, 5, False),
}
SEEDS = {"even": 1, "odd": 2, "fixed": 3}
# To save space: float16 weights (all values are computed with them), gradients of vectors only.
SMALL = {"odd"}
SCALE = 4.0
SAMPLING_SEED = 42
SAMPLING_STEPS = 10
SAMPLING_LABELS = [1, 7]


def make_weights(config, generator, half):
    def deviation(name):
        return 0.0, 0.2 if "attn.qkv" in name else 0.15

    weights = random_weights(parameter_shapes(config), generator, deviation)
    if half:
        weights = {name: value.half().float() for name, value in weights.items()}
    weights["pos_embed"] = position_embedding(config.hidden_size, config.grid)
    return weights


def other_network(config, weights):
    """The same network in diffusers, with the published frequencies and epsilon."""
    model = DiTTransformer2DModel(
        num_attention_heads=config.heads,
        attention_head_dim=config.hidden_size // config.heads,
        in_channels=config.channels,
        out_channels=config.output_channels,
        num_layers=config.depth,
        sample_size=config.input_size,
        patch_size=config.patch_size,
        num_embeds_ada_norm=config.classes,
        norm_eps=1e-6,
    ).eval()
    state = {
        "pos_embed.proj.weight": weights["x_embedder.proj.weight"],
        "pos_embed.proj.bias": weights["x_embedder.proj.bias"],
    }
    for kind in ("weight", "bias"):
        state[f"proj_out_1.{kind}"] = weights[f"final_layer.adaLN_modulation.1.{kind}"]
        state[f"proj_out_2.{kind}"] = weights[f"final_layer.linear.{kind}"]
    for n in range(config.depth):
        here, there = f"blocks.{n}", f"transformer_blocks.{n}"
        embedding = f"{there}.norm1.emb"
        table = "embedding_table.weight"
        state[f"{embedding}.class_embedder.{table}"] = weights[f"y_embedder.{table}"]
        for kind in ("weight", "bias"):
            for mine, other in [("mlp.0", "linear_1"), ("mlp.2", "linear_2")]:
                name = f"{embedding}.timestep_embedder.{other}.{kind}"
                state[name] = weights[f"t_embedder.{mine}.{kind}"]
            thirds = weights[f"{here}.attn.qkv.{kind}"].chunk(3)
            for letter, third in zip("qkv", thirds):
                state[f"{there}.attn1.to_{letter}.{kind}"] = third
            for mine, other in [
                ("attn.proj", "attn1.to_out.0"),
                ("mlp.fc1", "ff.net.0.proj"),
                ("mlp.fc2", "ff.net.2"),
                ("adaLN_modulation.1", "norm1.linear"),
            ]:
                state[f"{there}.{other}.{kind}"] = weights[f"{here}.{mine}.{kind}"]
    model.load_state_dict(state)
    for block in model.transformer_blocks:
        block.norm1.emb.time_proj.downscale_freq_shift = 0
    return model


def check_network(config, weights, x, t, y, parts):
    output = parts["unpatchified"]
    other = other_network(config, weights)
    with torch.no_grad():
        check("output against diffusers", output, other(x, t, y).sample, 1e-5)
        check("tokens against diffusers", parts["tokens"], other.pos_embed(x), 1e-5)
        embedding = other.transformer_blocks[0].norm1.emb
        sinusoids = embedding.time_proj(t)
        check("sinusoids against diffusers", parts["timestep_sinusoids"], sinusoids, 2e-4)
        wide = Network(config, {name: value.double() for name, value in weights.items()})
        check("output against float64", output, wide(x.double(), t, y), 1e-5)


def forward_tensors(config, weights, generator):
    network = Network(config, weights)
    size, null = config.input_size, config.classes
    x = torch.randn(3, config.channels, size, size, generator=generator)
    t = torch.tensor([0, 421, 999])
    y = torch.tensor([1, null, config.classes - 3])
    parts = {}
    output = network(x, t, y, parts)
    check_network(config, weights, x, t, y, parts)
    both = network(x.repeat(2, 1, 1, 1), t.repeat(2), torch.cat([y, torch.full_like(y, null)]))
    kept = ["tokens", "timestep_sinusoids", "timestep_embedding", "label_embedding", "block0"]
    kept += ["unpatchified_input", "unpatchified"]
    tensors = {"x": x, "t": t, "y": y, "output": output}
    tensors |= {f"parts.{name}": parts[name] for name in kept}
    tensors["guided3"] = guided(both, SCALE, 3)[:3]
    tensors["guided_all"] = guided(both, SCALE, config.channels)[:3]
    return tensors


def check_bound(schedule, bound, output, x0, xt, t):
    """The bound from PyTorch's distributions; row 0 (t = 0) uses the exact normal distribution."""
    mean, log_variance, _ = diffusion.prediction(schedule, output, xt, t)
    model = Normal(mean, torch.exp(log_variance / 2))
    variance = diffusion.at(schedule.posterior_log_variance, t).expand_as(mean)
    truth = Normal(diffusion.posterior_mean(schedule, x0, xt, t), torch.exp(variance / 2))
    divergence = diffusion.mean_of_rows(kl_divergence(truth, model))[1:] / math.log(2)
    check("bound against PyTorch's KL", bound[1:], divergence, 1e-5)
    lower = torch.where(x0 < -0.999, torch.zeros_like(x0), model.cdf(x0 - 1 / 255))
    upper = torch.where(x0 > 0.999, torch.ones_like(x0), model.cdf(x0 + 1 / 255))
    exact = diffusion.mean_of_rows(-torch.log(upper - lower))[:1] / math.log(2)
    check("bound at t = 0 against the exact normal", bound[:1], exact, 1e-2)


def loss_tensors(config, weights, generator):
    """Losses and the gradients of their mean; checks the gradients against float64."""
    schedule = diffusion.Schedule.linear()
    size = config.input_size
    x0 = torch.randn(4, config.channels, size, size, generator=generator) * 0.8
    noise = torch.randn(x0.shape, generator=generator)
    t = torch.tensor([0, 1, 500, 999])
    y = torch.tensor([0, config.classes, 2, config.classes - 1])
    # Noise near the prediction keeps the likelihood of the row t = 0 out of its far tails, where
    # float32 has no digits left.
    with torch.no_grad():
        predicted = Network(config, weights)(x0[:1], t[:1], y[:1])[0, : config.channels]
    noise[0] = predicted + noise[0] / 2
    xt = diffusion.noised(schedule, x0, noise, t)

    def run(dtype):
        leaves = {
            name: value.clone().to(dtype).requires_grad_(name != "pos_embed")
            for name, value in weights.items()
        }
        output = Network(config, leaves)(xt.to(dtype), t, y)
        mse, bound = diffusion.loss_terms(
            schedule, output, x0.to(dtype), xt.to(dtype), noise.to(dtype), t
        )
        total = mse + bound
        loss = total.mean()
        loss.backward()
        gradients = {name: leaf.grad for name, leaf in leaves.items() if leaf.requires_grad}
        return output.detach(), mse.detach(), bound.detach(), total.detach(), loss, gradients

    output, mse, bound, total, loss, gradients = run(torch.float32)
    wide_output, _, wide_bound, wide_total, _, wide_gradients = run(torch.float64)
    if config.learns_variance:
        rows = (x.double() for x in (x0, xt))
        check_bound(schedule, wide_bound, wide_output, *rows, t)
    check("losses against float64", total, wide_total, 1e-5)
    worst = max(gradients, key=lambda name: relative_error(gradients[name], wide_gradients[name]))
    check(f"gradients against float64 ({worst})", gradients[worst], wide_gradients[worst], 1e-4)
    losses = {"train_x0": x0, "noise": noise, "train_t": t, "train_y": y, "xt": xt}
    losses |= {"loss_mse": mse, "loss_vb": bound, "loss_total": total, "loss": loss}
    return losses, {f"gradients.{name}": value for name, value in gradients.items()}


def trajectory(network, config, step, guidance):
    """x at the start and after each step, from one seed: `[steps + 1, N, C, H, W]`."""
    schedule = diffusion.Schedule.linear().respaced(SAMPLING_STEPS)
    count, size = len(SAMPLING_LABELS), config.input_size
    torch.manual_seed(SAMPLING_SEED)
    x = torch.randn(count, config.channels, size, size)
    y = torch.tensor(SAMPLING_LABELS)
    if guidance:
        x = torch.cat([x, x])
        y = torch.cat([y, torch.full_like(y, config.classes)])
    states = [x[:count]]
    for place in reversed(range(SAMPLING_STEPS)):
        t = torch.full((len(x),), place)
        real_t = torch.from_numpy(schedule.timesteps)[t]
        dtype = network.weights["pos_embed"].dtype
        if guidance:
            first = x[:count].repeat(2, 1, 1, 1)
            output = guided(network(first.to(dtype), real_t, y), SCALE, 3)
        else:
            output = network(x.to(dtype), real_t, y)
        noise = torch.randn(x.shape)
        x = step(schedule, output, x, t, noise)
        states.append(x[:count])
    return torch.stack(states)


def trajectory_tensors(config, weights):
    def ddim(eta):
        return lambda *values: diffusion.ddim_step(*values, eta)

    runs = {
        "ddpm": (diffusion.ddpm_step, True),
        "ddim": (ddim(0.0), True),
        "ddim_eta0.7": (ddim(0.7), True),
        "ddpm_unguided": (diffusion.ddpm_step, False),
    }
    network = Network(config, weights)
    wide = Network(config, {name: value.double() for name, value in weights.items()})
    tensors = {}
    for name, (step, guidance) in runs.items():
        states = trajectory(network, config, step, guidance)
        exact = trajectory(wide, config, step, guidance)
        check(f"trajectory.{name} against float64", states[-1], exact[-1], 1e-4)
        tensors[f"trajectory.{name}"] = states
    return tensors


def draws():
    """Consecutive standard normal draws from one seed."""
    torch.manual_seed(SAMPLING_SEED)
    shapes = [[5], [2, 4, 8, 8], [1, 3, 3], [3, 7]]
    return {f"randn.seed42.{n}": torch.randn(shape) for n, shape in enumerate(shapes)}


def make(kind):
    print(f"dit-{kind}")
    config, small = CONFIGS[kind], kind in SMALL
    generator = torch.Generator().manual_seed(SEEDS[kind])
    weights = make_weights(config, generator, half=small)
    with torch.no_grad():
        tensors = forward_tensors(config, weights, generator)
    losses, gradients = loss_tensors(config, weights, generator)
    tensors |= losses
    if kind == "even":
        with torch.no_grad():
            tensors |= trajectory_tensors(config, weights) | draws()
    for name, value in weights.items():
        as_half = small and name != "pos_embed"
        tensors[f"weights.{name}"] = value.half() if as_half else value
    header = asdict(config) | {"guidance_scale": SCALE, "order": list(weights)}
    if kind == "even":
        header["sampling"] = {
            "seed": SAMPLING_SEED,
            "steps": SAMPLING_STEPS,
            "labels": SAMPLING_LABELS,
            "guidance_channels": 3,
        }
    write_tensors(f"dit-{kind}", tensors, header)
    if small:
        gradients = {name: value for name, value in gradients.items() if value.dim() == 1}
    write_tensors(f"dit-{kind}-gradients", gradients, asdict(config))


if __name__ == "__main__":
    prepare()
    for name in CONFIGS:
        make(name)
