"""Makes autoencoder-{kl,variant,tiny}.safetensors and autoencoder-keys.json: the two image autoencoders."""

import torch
from diffusers import AutoencoderKL, AutoencoderTiny
from diffusers.loaders.single_file_utils import convert_ldm_vae_checkpoint

from files import check, prepare, random_weights, write_json, write_tensors

OLD_ATTENTION = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}


def kl_config(channels, layers):
    return {
        "in_channels": 3,
        "out_channels": 3,
        "block_out_channels": list(channels),
        "down_block_types": ["DownEncoderBlock2D"] * len(channels),
        "up_block_types": ["UpDecoderBlock2D"] * len(channels),
        "layers_per_block": layers,
        "latent_channels": 4,
        "norm_num_groups": 32,
    }


def kl_deviation(name):
    is_norm_weight = "norm" in name and name.endswith("weight")
    return (1.0, 0.2) if is_norm_weight else (0.0, 0.05)


def shapes_of(model):
    return {name: list(value.shape) for name, value in model.state_dict().items()}


def make_kl():
    config = kl_config((32, 64), 1)
    model = AutoencoderKL(**config).eval()
    generator = torch.Generator().manual_seed(5)
    weights = random_weights(shapes_of(model), generator, kl_deviation)
    halves = {name: value.half() for name, value in weights.items()}
    model.load_state_dict({name: value.float() for name, value in halves.items()})
    image = torch.rand(1, 3, 16, 16, generator=generator) * 2 - 1
    latents = torch.randn(1, 4, 8, 8, generator=generator)
    noise = torch.randn(1, 4, 8, 8, generator=generator)
    with torch.no_grad():
        posterior = model.encode(image).latent_dist
        decoded = model.decode(latents).sample
        wide = model.double()
        exact = wide.encode(image.double()).latent_dist
        check("mean against float64", posterior.mean, exact.mean, 1e-5)
        check("decoded against float64", decoded, wide.decode(latents.double()).sample, 1e-5)
    tensors = {f"weights.{name}": value for name, value in halves.items()}
    tensors |= {"image": image, "mean": posterior.mean, "logvar": posterior.logvar}
    tensors |= {"noise": noise, "sample": posterior.mean + posterior.std * noise}
    tensors |= {"latents": latents, "decoded": decoded}
    write_tensors("autoencoder-kl", tensors, config)


def make_variant():
    """Groups, layers and latent statistics other than the published ones."""
    config = kl_config((16, 24), 1) | {
        "norm_num_groups": 8,
        "use_quant_conv": False,
        "mid_block_add_attention": False,
        "latents_mean": [0.1, -0.2, 0.3, 0.0],
        "latents_std": [0.5, 1.0, 2.0, 1.5],
        "scaling_factor": 0.75,
    }
    model = AutoencoderKL(**config).eval()
    generator = torch.Generator().manual_seed(7)
    weights = random_weights(shapes_of(model), generator, kl_deviation)
    halves = {name: value.half() for name, value in weights.items()}
    model.load_state_dict({name: value.float() for name, value in halves.items()})
    image = torch.rand(1, 3, 16, 16, generator=generator) * 2 - 1
    latents = torch.randn(1, 4, 8, 8, generator=generator)
    mean = torch.tensor(config["latents_mean"]).view(1, 4, 1, 1)
    std = torch.tensor(config["latents_std"]).view(1, 4, 1, 1)
    with torch.no_grad():
        posterior = model.encode(image).latent_dist
        decoded = model.decode(latents * std + mean).sample
        exact = model.double().decode((latents * std + mean).double()).sample
        check("decoded against float64", decoded, exact, 1e-5)
    tensors = {f"weights.{name}": value for name, value in halves.items()}
    tensors |= {"image": image, "mean": (posterior.mean - mean) / std}
    tensors |= {"logvar": posterior.logvar - 2 * std.log()}
    tensors |= {"latents": latents, "decoded": decoded}
    write_tensors("autoencoder-variant", tensors, config | {"_class_name": "AutoencoderKL"})


def make_tiny():
    config = {
        "encoder_block_out_channels": [8, 8, 8, 8],
        "decoder_block_out_channels": [8, 8, 8, 8],
        "num_encoder_blocks": [1, 3, 3, 3],
        "num_decoder_blocks": [3, 3, 3, 1],
        "latent_channels": 4,
    }
    model = AutoencoderTiny(**config).eval()
    generator = torch.Generator().manual_seed(6)
    weights = random_weights(shapes_of(model), generator, lambda _: (0.0, 0.1))
    model.load_state_dict(weights)
    image = torch.rand(2, 3, 16, 16, generator=generator) * 2 - 1
    latents = torch.randn(2, 4, 2, 2, generator=generator) * 3
    with torch.no_grad():
        encoded, decoded = model.encode(image).latents, model.decode(latents).sample
        wide = model.double()
        check("encoded against float64", encoded, wide.encode(image.double()).latents, 1e-5)
        check("decoded against float64", decoded, wide.decode(latents.double()).sample, 1e-5)
    tensors = {f"weights.{name}": value for name, value in weights.items()}
    tensors |= {"image": image, "encoded": encoded, "latents": latents, "decoded": decoded}
    write_tensors("autoencoder-tiny", tensors, config)


def compvis_name(name, levels):
    """The name of a diffusers parameter in CompVis' autoencoders.

    CompVis counts the decoder's levels from the finest, diffusers from the coarsest.
    """
    if name.startswith(("quant_conv", "post_quant_conv")):
        return name
    side, *words = name.split(".")
    rest = ".".join(words)
    if words[0] == "mid_block":
        kind, index, *tail = words[1:]
        if kind == "resnets":
            return f"{side}.mid.block_{int(index) + 1}.{'.'.join(tail)}"
        parts = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out": "proj_out"}
        return f"{side}.mid.attn_1.{parts[tail[0]]}.{tail[-1]}"
    if words[0] in ("down_blocks", "up_blocks"):
        level, kind, index, *tail = words[1:]
        stage = f"down.{level}" if side == "encoder" else f"up.{levels - 1 - int(level)}"
        last = ".".join(tail).replace("conv_shortcut", "nin_shortcut")
        if kind == "resnets":
            return f"{side}.{stage}.block.{index}.{last}"
        return f"{side}.{stage}.{kind.removesuffix('rs')}.{last}"
    return f"{side}.{rest.replace('conv_norm_out', 'norm_out')}"


def compvis_shape(name, shape):
    """The shape in CompVis' files, where attention's linear layers are 1x1 convolutions."""
    is_matrix = ".attentions." in name and len(shape) == 2
    return shape + [1, 1] if is_matrix else shape


def make_keys():
    config = kl_config((128, 256, 512, 512), 2)
    with torch.device("meta"):
        shapes = shapes_of(AutoencoderKL(**config))
    names = {compvis_name(name, 4): name for name in shapes}
    compvis = {new: compvis_shape(name, shapes[name]) for new, name in names.items()}
    if len(names) != len(shapes):
        raise AssertionError("two parameters map to the same CompVis name")
    check_names(config, names, compvis, shapes)
    old = {}
    for name in shapes:
        for new, before in OLD_ATTENTION.items():
            if f".attentions.0.{new}." in name:
                old[name.replace(f".{new}.", f".{before}.")] = name
    keys = {"config": config, "diffusers": shapes, "old_attention": old}
    write_json("autoencoder-keys", keys | {"compvis": compvis, "compvis_to_diffusers": names})


def check_names(config, names, compvis, shapes):
    """Checks that diffusers' own conversion maps every CompVis name to the same parameter."""
    source = {name: torch.full(shape, float(n)) for n, (name, shape) in enumerate(compvis.items())}
    converted = convert_ldm_vae_checkpoint(dict(source), config)
    if {name: list(value.shape) for name, value in converted.items()} != shapes:
        raise AssertionError("diffusers converts the CompVis names to other names or shapes")
    for name, target in names.items():
        if converted[target].flatten()[0] != source[name].flatten()[0]:
            raise AssertionError(f"diffusers does not convert {name} to {target}")
    print(f"  {len(names)} CompVis names agree with diffusers")


if __name__ == "__main__":
    prepare()
    make_kl()
    make_variant()
    make_tiny()
    make_keys()
