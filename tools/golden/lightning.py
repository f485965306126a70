"""Parts of LightningDiT around its network: the VA-VAE autoencoder, the sampler, the loss.

Source: Yao & Wang 2025 (LightningDiT); Rombach et al. 2022, appendix G, for the autoencoder, in the names of
CompVis.
"""

import math

import torch
from torch.nn import functional as F

GROUPS = 2


def autoencoder_shapes(channels, multiples, layers, latents):
    """Shapes by CompVis' name. The coarsest level of each half has attention after each block."""
    widths, shapes = [channels * m for m in multiples], {}

    def conv(name, inputs, outputs, size):
        shapes[f"{name}.weight"], shapes[f"{name}.bias"] = [outputs, inputs, size, size], [outputs]

    def norm(name, width):
        shapes[f"{name}.weight"], shapes[f"{name}.bias"] = [width], [width]

    def block(name, inputs, outputs):
        norm(f"{name}.norm1", inputs)
        conv(f"{name}.conv1", inputs, outputs, 3)
        norm(f"{name}.norm2", outputs)
        conv(f"{name}.conv2", outputs, outputs, 3)
        if inputs != outputs:
            conv(f"{name}.nin_shortcut", inputs, outputs, 1)

    def attention(name, width):
        norm(f"{name}.norm", width)
        for part in ("q", "k", "v", "proj_out"):
            conv(f"{name}.{part}", width, width, 1)

    def middle(name):
        block(f"{name}.block_1", widths[-1], widths[-1])
        attention(f"{name}.attn_1", widths[-1])
        block(f"{name}.block_2", widths[-1], widths[-1])

    def levels(name, order, count, resample):
        before = widths[order[0]]
        for level in order:
            for index in range(count):
                block(f"{name}.{level}.block.{index}", before if index == 0 else widths[level], widths[level])
                if level == len(widths) - 1:
                    attention(f"{name}.{level}.attn.{index}", widths[level])
            before = widths[level]
            if level != order[-1]:
                conv(f"{name}.{level}.{resample}.conv", widths[level], widths[level], 3)

    order = list(range(len(widths)))
    conv("encoder.conv_in", 3, channels, 3)
    levels("encoder.down", order, layers, "downsample")
    middle("encoder.mid")
    norm("encoder.norm_out", widths[-1])
    conv("encoder.conv_out", widths[-1], 2 * latents, 3)
    conv("decoder.conv_in", latents, widths[-1], 3)
    middle("decoder.mid")
    levels("decoder.up", order[::-1], layers + 1, "upsample")
    norm("decoder.norm_out", channels)
    conv("decoder.conv_out", channels, 3, 3)
    conv("quant_conv", 2 * latents, 2 * latents, 1)
    conv("post_quant_conv", latents, latents, 1)
    return shapes


class Autoencoder:
    def __init__(self, weights, levels, layers):
        self.weights, self.levels, self.layers = weights, levels, layers

    def conv(self, name, x, **options):
        return F.conv2d(x, self.weights[f"{name}.weight"], self.weights[f"{name}.bias"], **options)

    def norm(self, name, x):
        return F.group_norm(x, GROUPS, self.weights[f"{name}.weight"], self.weights[f"{name}.bias"], 1e-6)

    def block(self, name, x):
        h = self.conv(f"{name}.conv1", F.silu(self.norm(f"{name}.norm1", x)), padding=1)
        h = self.conv(f"{name}.conv2", F.silu(self.norm(f"{name}.norm2", h)), padding=1)
        return h + (self.conv(f"{name}.nin_shortcut", x) if f"{name}.nin_shortcut.weight" in self.weights else x)

    def attention(self, name, x):
        h = self.norm(f"{name}.norm", x)
        q, k, v = (self.conv(f"{name}.{part}", h).flatten(2) for part in "qkv")  # [N, C, T]
        shares = torch.softmax(q.transpose(1, 2) @ k / math.sqrt(q.shape[1]), dim=2)
        mixed = (shares @ v.transpose(1, 2)).transpose(1, 2).reshape(x.shape)
        return x + self.conv(f"{name}.proj_out", mixed)

    def middle(self, name, x):
        h = self.attention(f"{name}.attn_1", self.block(f"{name}.block_1", x))
        return self.block(f"{name}.block_2", h)

    def level(self, name, x, count):
        for index in range(count):
            x = self.block(f"{name}.block.{index}", x)
            if f"{name}.attn.{index}.q.weight" in self.weights:
                x = self.attention(f"{name}.attn.{index}", x)
        return x

    def encode(self, x):
        """Images to mean and log variance."""
        h = self.conv("encoder.conv_in", x, padding=1)
        for level in range(self.levels):
            h = self.level(f"encoder.down.{level}", h, self.layers)
            if level < self.levels - 1:
                h = self.conv(f"encoder.down.{level}.downsample.conv", F.pad(h, (0, 1, 0, 1)), stride=2)
        h = F.silu(self.norm("encoder.norm_out", self.middle("encoder.mid", h)))
        mean, log_variance = self.conv("quant_conv", self.conv("encoder.conv_out", h, padding=1)).chunk(2, dim=1)
        return mean, log_variance.clamp(-30, 20)

    def decode(self, z):
        h = self.middle("decoder.mid", self.conv("decoder.conv_in", self.conv("post_quant_conv", z), padding=1))
        for level in reversed(range(self.levels)):
            h = self.level(f"decoder.up.{level}", h, self.layers + 1)
            if level > 0:
                h = h.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
                h = self.conv(f"decoder.up.{level}.upsample.conv", h, padding=1)
        return self.conv("decoder.conv_out", F.silu(self.norm("decoder.norm_out", h)), padding=1)


def shifted_times(count, shift):
    """`count` times from noise, 0, to data, 1."""
    times = torch.linspace(0, 1, count, dtype=torch.float64)
    return [float(shift * t / (1 + (shift - 1) * t)) for t in times]


def guided_velocity(network, x, t, labels, null, scale, start, channels=3):
    """Guidance on the first channels, from a time on."""
    times = torch.full([len(x)], t, dtype=x.dtype)
    strong = network(x, times, labels)
    if t < start:
        return strong
    weak = network(x, times, torch.full_like(labels, null))
    mixed = weak + scale * (strong - weak)
    return torch.cat([mixed[:, :channels], strong[:, channels:]], dim=1)


def sample(network, x, labels, null, count, shift=0.3, scale=6.7, start=0.125):
    """Euler's method; the latents after each of count - 1 steps."""
    times, states = shifted_times(count, shift), []
    for now, then in zip(times, times[1:]):
        x = x + (then - now) * guided_velocity(network, x, now, labels, null, scale, start)
        states.append(x)
    return torch.stack(states)


def losses(output, velocity):
    """Squared error and 1 - cosine over the channels at each position, both for each row."""
    error = (output - velocity).square().mean(dim=(1, 2, 3))
    product = (output * velocity).sum(dim=1)
    lengths = output.norm(dim=1).clamp(min=1e-8) * velocity.norm(dim=1).clamp(min=1e-8)
    return error, (1 - product / lengths).mean(dim=(1, 2))
