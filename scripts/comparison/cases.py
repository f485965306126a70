"""The commands that both programs are given, by part, and the inputs that they read."""

import itertools
import math
import pathlib
import random
import shutil
import signal
import struct
import zlib

from comparison.programs import Case

VNNI = "avx512_vnni" in pathlib.Path("/proc/cpuinfo").read_text()
# Float32 stands in for products of bytes where the processor has none.
INT8 = {} if VNNI else {"DIT_EMULATE_INT8": "1"}

IMAGES = ["--data-path", "inputs/images", "--image-size", "32"]
# Trained by the base program, for both.
AUTOENCODER = ["--vae-checkpoint", "inputs/vae.safetensors"]
SMALL_AUTOENCODER = [
    "--widths", "8,16,16", "--train-batch-size", "4", "--threads", "1", "--warmup-steps", "2",
]
SMALL_MODEL = ["--hidden-size", "64", "--depth", "2", "--num-heads", "2", "--patch-size", "2"]
STEPS = [
    "--train-batch-size", "4", "--max-steps", "6", "--step-mode", "--ckpt-save-interval", "3",
    "--threads", "1", "--output-path", "NAME/run",
]
TRAIN = ["train", *IMAGES, *AUTOENCODER, *SMALL_MODEL, *STEPS]
LAST_STEP = "checkpoints/step-000006"


def png(generator, size):
    """A PNG file of coloured waves."""

    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    waves = [[generator.uniform(-0.5, 0.5) for _ in range(3)] for _ in range(3)]
    rows = b"".join(
        b"\0" + bytes(
            int(127.5 + 127 * math.sin(a * x + b * y + 6 * c))
            for x in range(size) for a, b, c in waves)
        for y in range(size))
    head = struct.pack(">IIBBBBB", size, size, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def make_inputs(folder):
    """Images, configuration files and damaged files, the same on both sides."""
    generator = random.Random(1)
    for name in ("a", "b", "c"):
        (folder / "images" / name).mkdir(parents=True)
        for index in range(8):
            (folder / "images" / name / f"{index}.png").write_bytes(png(generator, 40))
    for path, text in {
        "sample.yaml": "sampling_steps: 3\nclass_labels: 1,2\nprecision: fp32\nseed: 7\n",
        "train.yaml": "hidden_size: 64\ndepth: 2\nnum_heads: 2\npatch_size: 2\nscheduler: cosine\n"
                      "warmup_steps: 2\nclip_grad: true\nweight_decay: 0.1\nuse_recompute: false\n",
        "unknown-key.yaml": "sampling_stepz: 3\n",
        "bad-value.yaml": "sampling_steps: many\n",
        "bad-syntax.yaml": "sampling_steps: [3\n  x\n",
        "taken/grid.png": "taken", "taken.npz": "taken", "taken.safetensors": "taken",
        "text.pt": "no checkpoint", "empty/readme.txt": "no images",
    }.items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text(text)
    header = b'{"x":{"dtype":"F32","shape":[1000],"data_offsets":[0,4000]}}'
    (folder / "truncated.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + b"\0")


def from_base(source, target, *removed):
    """A preparation that copies a result of the base program to where the case looks for it."""

    def prepare(base, side, folder):
        destination = folder / target if not target.startswith("inputs/") else side / target
        if destination.exists() or not (base / source).exists():
            return
        destination.parent.mkdir(parents=True, exist_ok=True)
        # Other cases look for the same input at the same time.
        partial = folder.with_name(f"{folder.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        if (base / source).is_dir():
            shutil.copytree(base / source, partial / "x", symlinks=True)
        else:
            shutil.copy2(base / source, partial / "x")
        for name in removed:
            shutil.rmtree(partial / "x" / name)
        try:
            (partial / "x").rename(destination)
        except OSError:
            if not destination.exists():
                raise
        shutil.rmtree(partial)

    return prepare


VAE = "training/autoencoder"
give_autoencoder = from_base(f"{VAE}/vae.safetensors", "inputs/vae.safetensors")


def exit_cases():
    """Commands that are refused or stopped, of which the exit code is compared."""
    sample = ["sample", "--sampling-steps", "1", "--threads", "1", "--output-path", "NAME/out"]
    train = ["train", "--max-steps", "1", "--threads", "1", "--output-path", "NAME/run"]
    pixels = ["--vae-checkpoint", "none", *SMALL_MODEL, "--train-batch-size", "4"]
    encode = ["encode", *IMAGES, "--threads", "1"]
    convert = ["convert", "--source", "inputs/run"]
    table = {
        "nothing": [], "version": ["--version"], "help": ["sample", "--help"],
        "unknown command": ["nonsense"], "help of an unknown command": ["help", "nonsense"],
        "unknown flag": [*sample, "--nonsense"], "missing value": ["sample", "--seed"],
        "bad number": ["sample", "--sampling-steps", "many"],
        "number out of range": ["sample", "--sampling-steps", "0"],
        "eta out of range": [*sample, "--eta", "2"], "negative seed": [*sample, "--seed", "-1"],
        "bad boolean": ["sample", "--imagegrid=perhaps"],
        "unknown class": [*sample, "--class-labels", "nosuchclass"],
        "class out of range": [*sample, "--class-labels", "9999"],
        "missing checkpoint": [*sample, "--dit-checkpoint", "missing.pt"],
        "truncated checkpoint": [*sample, "--dit-checkpoint", "inputs/truncated.safetensors"],
        "no checkpoint": [*sample, "--dit-checkpoint", "inputs/text.pt"],
        "missing autoencoder": [*sample, "--vae-checkpoint", "missing"],
        "wrong image size": [*sample, "--image-size", "512"],
        "image size of no model": [*sample, "--image-size", "33"],
        "wrong model": [*sample, "--model-name", "DiT-XL/2"],
        "unknown model": [*sample, "--model-name", "DiT-Z/2"],
        "missing configuration": ["sample", "-c", "missing.yaml"],
        "unknown key": ["sample", "-c", "inputs/unknown-key.yaml"],
        "bad value of a key": ["sample", "-c", "inputs/bad-value.yaml"],
        "bad configuration": ["sample", "-c", "inputs/bad-syntax.yaml"],
        "two configurations": ["sample", "-c", "inputs/sample.yaml", "-c", "inputs/sample.yaml"],
        "two samplers": [*sample, "--sampler", "ddpm", "--ddim-sampling"],
        "int8 in eager": [*sample, "--precision", "int8", "--mode", "eager"],
        "fp16 where the processor may lack it": [*sample, "--precision", "fp16"],
        "fp8 on a processor": [*sample, "--precision", "fp8"],
        "output that is there": [*sample, "--output-path", "inputs/taken"],
        "npz that is there": ["sample", "--sampling-steps", "1", "--npz", "inputs/taken.npz"],
        "npz and a folder": [*sample, "--npz", "NAME/x.npz"],
        "workers without npz": [*sample, "--workers", "2"],
        "device that is not there": [*sample, "--device", "cuda:9"],
        "unknown device": [*sample, "--device", "abacus"],
        "train without data": train,
        "train on a missing folder": [*train, "--data-path", "missing", *pixels],
        "train on an empty folder": [*train, "--data-path", "inputs/empty", *pixels],
        "train without an autoencoder": [*train, *IMAGES, *SMALL_MODEL],
        "resume a missing checkpoint": [*train, *IMAGES, *pixels, "--resume", "missing"],
        "patches that do not fit": [*train, *IMAGES, *pixels, "--image-size", "33"],
        "heads that do not fit": [*train, *IMAGES, *pixels, "--num-heads", "7"],
        "encode without an autoencoder": encode,
        "encode with none": [*encode, "--vae-checkpoint", "none", "--output-path", "NAME/cache"],
        "train-autoencoder over a file": [
            "train-autoencoder", *IMAGES, "--output-path", "inputs/taken.safetensors"],
        "convert nothing": ["convert"],
        "convert a truncated file": [
            "convert", "--source", "inputs/truncated.safetensors", "--target", "NAME/x.pt"],
        "convert over a file": [*convert, "--target", "inputs/taken.safetensors"],
        "convert to an unknown format": [*convert, "--target", "NAME/x.gguf"],
        "inspect a missing file": ["inspect", "missing.pt"],
        "inspect a truncated file": ["inspect", "inputs/truncated.safetensors"],
        "inspect no checkpoint": ["inspect", "inputs/text.pt"],
        "doctor of no device": ["doctor", "--device", "cuda:9"],
        "benchmark of no model": ["benchmark", "sample", "--model-name", "DiT-Z/2"],
    }
    for title, arguments in table.items():
        yield Case(
            f"exits/{title.replace(' ', '-')}", arguments, is_exit=True, needs=["training/fp32"],
            prepare=from_base("training/fp32/run", "inputs/run"))
    long_train = ["train", *IMAGES, *pixels, "--max-steps", "100000", "--output-path", "NAME/run"]
    long_sample = [
        "sample", "--sampling-steps", "1000", "--class-labels", "1", "--output-path", "NAME/out"]
    for number in (signal.SIGINT, signal.SIGTERM):
        for command in (long_train, long_sample):
            yield Case(
                f"exits/{command[0]}-{number.name.lower()}", [*command, "--threads", "1"],
                is_exit=True, signal=number)


def sample_cases(models):
    """Each sampler, guidance, precision and mode: all with the built-in model, a third of them with
    each model of the folder `models`."""
    sources = {"embedded": ([], ["1", "0,2,face"])}
    if models:
        emoji = ["--dit-checkpoint", f"{models}/emoji128-dit.pt", "--vae-checkpoint"]
        sources["emoji128"] = ([*emoji, f"{models}/taesd"], ["1", "0,50,98"])
        emoji = ["--dit-checkpoint", f"{models}/emoji32-dit.pt", "--vae-checkpoint"]
        sources["emoji32"] = ([*emoji, "none"], ["1", "0,5,11"])
    of_flows = {name: ["--sampler", name] for name in ("euler", "heun", "unipc")}
    discrete = {
        "ddpm": ["--sampler", "ddpm"], "ddim": ["--sampler", "ddim"],
        "ddim-eta": ["--sampler", "ddim", "--eta", "0.7"],
    }
    guidance = {
        "plain": ["--guidance-scale", "1"], "guided": ["--guidance-scale", "4"],
        "guided-all": ["--guidance-scale", "2.5", "--cfg-channels", "all"],
    }
    formats = [
        ("fp32", "graph"), ("fp32", "eager"), ("bf16", "graph"), ("bf16", "eager"),
        ("int8", "graph"),
    ]
    for place, (source, labels) in enumerate(sources.values()):
        title = list(sources)[place]
        samplers = discrete if place > 0 else of_flows
        combinations = itertools.product(samplers, guidance, formats)
        for index, (sampler, scale, (precision, mode)) in enumerate(combinations):
            if place > 0 and index % 3 != place:
                continue
            batch = labels[index % 2]
            yield sample_case(
                f"{title}-{sampler}-{scale}-{precision}-{mode}-{len(batch.split(','))}",
                [*source, *samplers[sampler], *guidance[scale], "--class-labels", batch,
                 "--precision", precision, "--mode", mode, "--sampling-steps", "4"],
                INT8 if precision == "int8" else {})
    short = ["--class-labels", "1,2,3", "--sampling-steps", "3"]
    yield sample_case("defaults", [])
    yield sample_case("unipc-defaults", ["--sampler", "unipc", "--class-labels", "moon"])
    # Without the grid, whose rows are classes since.
    yield sample_case("two-a-label", [
        "--num-samples", "2", "--batch-size", "4", "--imagegrid", "false", *short])
    yield sample_case("two-threads", ["--threads", "2", *short])
    yield sample_case("no-grid", ["--imagegrid", "false", "--sd-scale-factor", "0.9", *short])
    yield sample_case(
        "int8-fc2-fp32", ["--precision", "int8", "--int8-fc2", "fp32", *short], INT8)
    yield sample_case("file", ["-c", "inputs/sample.yaml", "--seed", "8"])
    for precision in ("fp32", "bf16"):
        for workers in ("1", "2"):
            yield Case(
                f"samples/npz-{precision}-{workers}",
                ["sample", "--num-samples", "6", "--batch-size", "2", "--sampling-steps", "3",
                 "--threads", "1", "--precision", precision, "--workers", workers,
                 "--npz", "NAME/samples.npz"])


def sample_case(title, options, environment=None):
    return Case(
        f"samples/{title}",
        ["sample", "--threads", "1", "--output-path", "NAME/images", "--save-latents",
         "NAME/latents.safetensors", *options],
        environment=environment or {})


# Training runs: how each differs from TRAIN.
TRAINING = {
    "fp32": [], "bf16": ["--precision", "bf16"], "fp16": ["--precision", "fp16"],
    "accumulation": ["--gradient-accumulation-steps", "2", "--train-batch-size", "2"],
    "min-snr": ["--min-snr-gamma", "5"], "recompute": ["--use-recompute"],
    "recompute-bf16": ["--use-recompute", "--recompute-every", "2", "--precision", "bf16"],
    "logit-normal": ["--timestep-sampling", "logit_normal", "--label-dropout", "0.5"],
    "no-ema": ["--use-ema", "false", "--horizontal-flip", "false"],
    "fixed-variance": ["--learn-sigma", "false", "--ema-warmup"],
    "freeze": [
        "--freeze", "blocks.0.,x_embedder", "--group-strategy", "all", "--weight-decay", "0.1"],
    "file": ["-c", "inputs/train.yaml"],
    "grids": ["--sample-interval", "3"],
    "pixels": ["--vae-checkpoint", "none", "--patch-size", "4"],
    "two-threads": ["--threads", "2"],
    "workers": ["--workers", "2", "--train-batch-size", "2"],
    "workers-bf16": ["--workers", "2", "--train-batch-size", "2", "--precision", "bf16"],
    "workers-sharded": ["--workers", "2", "--train-batch-size", "2", "--shard-optimizer"],
}
# Caches: options of `dit encode`, then of a run on the cache.
CACHES = {
    "fp32": ([], []), "bf16-run": ([], ["--precision", "bf16"]),
    "fp16": (["--dtype", "fp16", "--horizontal-flip", "false"], ["--horizontal-flip", "false"]),
    "workers": (["--workers", "2"], ["--workers", "2", "--train-batch-size", "2"]),
}


def training_cases():
    yield Case(
        VAE, ["train-autoencoder", *IMAGES, *SMALL_AUTOENCODER, "--max-steps", "40",
              "--output-path", "NAME/vae.safetensors"])
    for title, options in TRAINING.items():
        yield Case(
            f"training/{title}", [*TRAIN, *options], needs=[VAE], prepare=give_autoencoder)
    for title, (encoding, options) in CACHES.items():
        yield Case(
            f"training/encode-{title}",
            ["encode", *IMAGES, *AUTOENCODER, "--shard-size", "10", "--threads", "1",
             "--output-path", "NAME/cache", *encoding],
            needs=[VAE], prepare=give_autoencoder)
        # Each program trains on the cache of the base program.
        yield Case(
            f"cache/train-{title}",
            ["train", "--data-path", "NAME/cache", *SMALL_MODEL, *STEPS, *options],
            needs=[f"training/encode-{title}"],
            prepare=from_base(f"training/encode-{title}/cache", "cache"))
    yield Case(
        "training/finetune",
        ["train", *IMAGES, *AUTOENCODER, *STEPS, "--dit-checkpoint", "inputs/run"],
        needs=["training/fp32"], prepare=from_base("training/fp32/run", "inputs/run"))


def resume_cases():
    """Runs that the base program began and the new one ends."""
    for title in TRAINING:
        yield Case(
            f"resume/{title}", [*TRAIN, *TRAINING[title], "--resume"],
            needs=[f"training/{title}", VAE], reference=f"training/{title}",
            prepare=both(give_autoencoder, from_base(f"training/{title}/run", "run", LAST_STEP)))
    command = ["train-autoencoder", *IMAGES, *SMALL_AUTOENCODER, "--max-steps", "40"]
    yield Case(
        "resume/autoencoder-begun", [*command, "--output-path", "NAME/vae.safetensors"],
        is_beginning=True, signal=signal.SIGTERM)
    yield Case(
        "resume/autoencoder", [*command, "--output-path", "NAME/vae.safetensors", "--resume"],
        needs=["resume/autoencoder-begun", VAE], reference=VAE,
        prepare=copy_contents("resume/autoencoder-begun", required="vae.safetensors.run"))
    command = [
        "encode", *IMAGES, *AUTOENCODER, "--shard-size", "2", "--batch-size", "1", "--threads", "1",
        "--output-path", "NAME/cache",
    ]
    yield Case("cache/whole", command, needs=[VAE], prepare=give_autoencoder)
    yield Case(
        "cache/begun", command, needs=[VAE], prepare=give_autoencoder, is_beginning=True,
        signal=signal.SIGTERM, sign="cache/shard-00003*")
    yield Case(
        "cache/finished", command, needs=["cache/begun", "cache/whole", VAE],
        reference="cache/whole",
        prepare=both(
            give_autoencoder, copy_contents("cache/begun", forbidden="cache/manifest.json")))


def both(*preparations):
    def prepare(*folders):
        for preparation in preparations:
            preparation(*folders)

    return prepare


def copy_contents(source, forbidden=None, required=None):
    """A preparation that copies a case of the base program, which was stopped halfway.

    A case that came to its end has the file `forbidden`, or lacks `required`.
    """

    def prepare(base, _, folder):
        found = base / source
        if (forbidden and (found / forbidden).exists()
                or required and not (found / required).exists()):
            raise RuntimeError(f"{source} came to its end before it was stopped: run it again")
        shutil.copytree(base / source, folder, symlinks=True, dirs_exist_ok=True)

    return prepare


def convert_cases():
    """Conversions and descriptions of a run of the base program."""
    give = both(
        from_base("training/fp32/run", "inputs/run"), give_autoencoder)
    table = {
        "safetensors": ["--target", "NAME/x.safetensors"], "pt": ["--target", "NAME/x.pt"],
        "ckpt-bf16": ["--target", "NAME/x.ckpt", "--dtype", "bf16"],
        "no-ema-fp16": ["--target", "NAME/x.safetensors", "--no-ema", "--dtype", "fp16"],
    }
    needs = ["training/fp32", VAE]
    for title, options in table.items():
        # Earlier programs took a run's EMA in spite of --no-ema.
        source = "inputs/run" + (f"/{LAST_STEP}/model.safetensors" if "--no-ema" in options else "")
        yield Case(
            f"convert/{title}", ["convert", "--source", source, *options], needs=needs,
            prepare=give)
    yield Case(
        "convert/autoencoder",
        ["convert", "--source", "inputs/vae.safetensors", "--target", "NAME/x.pt"], needs=needs,
        prepare=give)
    for title, source in {"dit": "inputs/run", "autoencoder": "inputs/vae.safetensors"}.items():
        yield Case(
            f"convert/inspect-{title}", ["inspect", source, "--json"], needs=needs, prepare=give,
            output="inspect.json")


def keep_average(table):
    """Gives the new program the published way of averaging, if the base program has no other."""
    for case in table:
        is_run = case.part in ("training", "cache") and case.arguments[0] == "train"
        if is_run and "--ema-warmup" not in case.arguments:
            case.new_arguments = ["--ema-warmup", "false"]


def all_cases(models):
    return [
        *exit_cases(), *sample_cases(models), *training_cases(), *resume_cases(), *convert_cases(),
    ]
