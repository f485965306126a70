"""Compares what two programs have written: images, tensors, records and whole folders.

Each function of `COMPARISONS` takes the two files and a `Findings`. More keys and more metadata in
the new file are additions; anything lost or changed is a difference.
"""

import json
import pathlib
import re
import struct
import zipfile
import zlib

# Numbers that differ from run to run.
TIMES = re.compile(r"seconds|per_second|utilization|peak_memory|time$")
# Options that stand in a run's file only if they are given, since the run decides otherwise.
DECIDED_BY_THE_RUN = {"ema_warmup", "ckpt_save_interval"}
# Options that say where a run reads and writes, which differs in a run that goes on elsewhere.
PLACES = {"output_path", "data_path", "resume"}


class Findings:
    """What is different and what is new in one comparison."""

    def __init__(self):
        self.differences = []
        self.additions = []

    def differ(self, text):
        self.differences.append(text)

    def add(self, text):
        self.additions.append(text)


def shortened(value, length=60):
    text = json.dumps(value)
    return text if len(text) <= length else text[: length - 3] + "..."


def compare_mappings(base, new, place, findings, ignored=()):
    """Two mappings, to any depth: no key lost, no value changed but for times."""
    for key in base:
        name = f"{place}{key}"
        if key not in new:
            findings.differ(f"{name} is lost")
        elif isinstance(base[key], dict) and isinstance(new[key], dict):
            compare_mappings(base[key], new[key], f"{name}.", findings, ignored)
        elif isinstance(base[key], list) and isinstance(new[key], list):
            pairs = [dict(enumerate(side[key])) for side in (base, new)]
            if len(pairs[0]) != len(pairs[1]):
                findings.differ(f"{name} has {len(pairs[1])} elements, not {len(pairs[0])}")
            else:
                compare_mappings(*pairs, f"{name}.", findings, ignored)
        elif TIMES.search(str(key)) or key in ignored:
            continue
        elif base[key] != new[key] or type(base[key]) is not type(new[key]):
            findings.differ(f"{name} is {shortened(new[key])}, not {shortened(base[key])}")
    for key in new:
        if key not in base:
            findings.add(f"{place}{key}")


def compare_json(base, new, findings):
    compare_mappings(*(json.loads(path.read_text()) for path in (base, new)), "", findings)


def compare_metrics(base, new, findings):
    lines = [[json.loads(line) for line in path.read_text().splitlines()] for path in (base, new)]
    if len(lines[0]) != len(lines[1]):
        findings.differ(f"{len(lines[1])} lines, not {len(lines[0])}")
        return
    for number, pair in enumerate(zip(*lines), start=1):
        compare_mappings(*pair, f"line {number}: ", findings)


def compare_yaml(base, new, findings):
    """Files of `key: value` lines, as the program writes them."""
    values = [
        dict(line.split(": ", 1) for line in path.read_text().splitlines() if ": " in line)
        for path in (base, new)
    ]
    for key in DECIDED_BY_THE_RUN - values[1].keys():
        values[0].pop(key, None)
    compare_mappings(*values, "", findings, PLACES)


def safetensors(path):
    """Names with type, shape and bytes of the tensors of a file, and its metadata."""
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    metadata = header.pop("__metadata__", {})
    body = memoryview(data)[8 + length :]
    return metadata, {
        name: (entry["dtype"], entry["shape"], body[slice(*entry["data_offsets"])])
        for name, entry in header.items()
    }


def compare_safetensors(base, new, findings):
    (base_metadata, base_tensors), (new_metadata, new_tensors) = safetensors(base), safetensors(new)
    compare_mappings(base_metadata, new_metadata, "metadata ", findings)
    changed = []
    for name, (dtype, shape, data) in base_tensors.items():
        if name not in new_tensors:
            findings.differ(f"tensor {name} is lost")
            continue
        new_dtype, new_shape, new_data = new_tensors[name]
        if (dtype, shape) != (new_dtype, new_shape):
            findings.differ(f"tensor {name} is {new_dtype} {new_shape}, not {dtype} {shape}")
        elif data != new_data:
            changed.append(name)
    if changed:
        findings.differ(f"{len(changed)} of {len(base_tensors)} tensors differ, first {changed[0]}")
    for name in new_tensors.keys() - base_tensors.keys():
        findings.differ(f"tensor {name} is new")


def pixels(path):
    """Header and unfiltered rows of a PNG file that is not interlaced."""
    data = path.read_bytes()
    place, header, packed = 8, b"", b""
    while place < len(data):
        length, kind = struct.unpack(">I4s", data[place : place + 8])
        body = data[place + 8 : place + 8 + length]
        header = body if kind == b"IHDR" else header
        packed += body if kind == b"IDAT" else b""
        place += length + 12
    width, height, depth, color = struct.unpack(">IIBB", header[:10])
    size = {0: 1, 2: 3, 4: 2, 6: 4}[color] * depth // 8
    rows, above = zlib.decompress(packed), bytearray(width * size)
    result = []
    for y in range(height):
        start = y * (width * size + 1)
        kind, row = rows[start], bytearray(rows[start + 1 : start + 1 + width * size])
        for x in range(len(row)):
            left = row[x - size] if x >= size else 0
            corner = above[x - size] if x >= size else 0
            row[x] = (row[x] + predicted(kind, left, above[x], corner)) & 255
        result.append(bytes(row))
        above = row
    return header, result


def predicted(kind, left, above, corner):
    """The prediction of PNG's filters 0 to 4 (PNG specification, section 9)."""
    if kind == 4:
        estimate = left + above - corner
        return min((left, above, corner), key=lambda value: abs(estimate - value))
    return (0, left, above, (left + above) // 2)[kind]


def compare_png(base, new, findings):
    if pixels(base) != pixels(new):
        findings.differ("other pixels")
    else:
        findings.add("other bytes, the same pixels")


def compare_npz(base, new, findings):
    arrays = []
    for path in (base, new):
        with zipfile.ZipFile(path) as archive:
            arrays.append({name: archive.read(name) for name in archive.namelist()})
    for name in arrays[0].keys() | arrays[1].keys():
        if arrays[0].get(name) != arrays[1].get(name):
            findings.differ(f"array {name} differs")


def compare_bytes(base, new, findings):
    findings.differ(f"{new.stat().st_size} bytes that differ from the {base.stat().st_size}")


COMPARISONS = {
    ".json": compare_json, ".jsonl": compare_metrics, ".yaml": compare_yaml, ".png": compare_png,
    ".safetensors": compare_safetensors, ".npz": compare_npz,
}


def names(folder):
    """What lies in a folder, by its name without the time and the machine."""
    result = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder)) + ("/" if path.is_dir() else "")
        result[re.sub(r"tfevents\.[^/]*$", "tfevents", name)] = path
    return result


def compare_folders(base, new):
    """Compares all files of two folders; logs and TensorBoard's events have times, and only have to
    be there."""
    findings = Findings()
    files = [names(pathlib.Path(folder)) for folder in (base, new)]
    for name in sorted(files[0].keys() | files[1].keys()):
        if name not in files[1]:
            findings.differ(f"{name} is lost")
        elif name not in files[0]:
            # The state of an autoencoder's run stays since it can go on after its end.
            add = findings.add if ".safetensors.run/" in name else findings.differ
            add(f"{name} is new")
        elif not name.endswith(("/", ".log", "log.txt", "tfevents", ".lock")):
            paths = files[0][name], files[1][name]
            if paths[0].read_bytes() == paths[1].read_bytes():
                continue
            found = Findings()
            COMPARISONS.get(paths[0].suffix, compare_bytes)(*paths, found)
            for text in found.differences:
                findings.differ(f"{name}: {text}")
            for text in found.additions:
                findings.add(f"{name}: {text}")
    return findings
