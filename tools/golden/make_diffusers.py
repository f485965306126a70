"""Makes diffusers/: the network of dit-even.safetensors saved by diffusers, with its config.json."""

from safetensors.torch import load_file

from files import FOLDER, prepare
from make_dit import CONFIGS, other_network

PREFIX = "weights."

if __name__ == "__main__":
    prepare()
    golden = load_file(FOLDER / "dit-even.safetensors")
    weights = {
        name.removeprefix(PREFIX): value for name, value in golden.items() if PREFIX in name
    }
    model = other_network(CONFIGS["even"], weights)
    folder = FOLDER / "diffusers"
    model.save_pretrained(folder)
    for file in folder.iterdir():
        file.chmod(0o644)
    print(f"diffusers: {len(model.state_dict())} tensors")
