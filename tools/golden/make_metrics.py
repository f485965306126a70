"""metrics.json: figures of synthetic features; npz/*.npz: archives as NumPy writes them.

Features follow a rule that Tests/TestSupport repeats, so only results are stored. They come from the
definitions in NumPy and SciPy and are compared with torch-fidelity.
"""

import io
import json
import zipfile

import numpy as np
import scipy.linalg
import torch
from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
from torch_fidelity.metric_kid import kid_features_to_metric
from torch_fidelity.metric_prc import prc_features_to_metric

from files import FOLDER, prepare

MASK = (1 << 64) - 1


def features(seed, count, width):
    """Roughly normal numbers, exact in float32: splitmix64, its four 16-bit parts added up; neighbours in a
    row are mixed and columns have scales from 1 to 1/128."""
    index = np.arange(1, count * width + 1, dtype=np.uint64)
    z = index * np.uint64(0x9E3779B97F4A7C15) + np.uint64(seed)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z = z ^ (z >> np.uint64(31))
    parts = sum((z >> np.uint64(16 * part)) & np.uint64(0xFFFF) for part in range(4))
    x = ((parts.astype(np.int64) - 131070).astype(np.float32) / np.float32(65536)).reshape(count, width)
    x[:, 1:] = x[:, 1:] + np.float32(0.5) * x[:, :-1].copy()
    return x * np.exp2(-(np.arange(width) % 8).astype(np.float32))


def moments(x):
    x = x.astype(np.float64)
    return x.mean(axis=0), np.cov(x, rowvar=False)


def frechet(a, b):
    """By the definition: scipy's root of the product."""
    (mean_a, cov_a), (mean_b, cov_b) = moments(a), moments(b)
    root = np.asarray(scipy.linalg.sqrtm(cov_a @ cov_b)).real
    return ((mean_a - mean_b) ** 2).sum() + np.trace(cov_a) + np.trace(cov_b) - 2 * np.trace(root)


def thin_frechet(a, b):
    """The same for fewer images than features: the trace of the root is the sum of the singular values of
    A B', where A'A and B'B are the covariances."""
    a, b = a.astype(np.float64), b.astype(np.float64)
    means = ((a.mean(axis=0) - b.mean(axis=0)) ** 2).sum()
    a = (a - a.mean(axis=0)) / np.sqrt(len(a) - 1)
    b = (b - b.mean(axis=0)) / np.sqrt(len(b) - 1)
    root = np.linalg.svd(a @ b.T, compute_uv=False).sum()
    return means + (a**2).sum() + (b**2).sum() - 2 * root


def fidelity_frechet(a, b):
    statistics = [fid_features_to_statistics(torch.from_numpy(x).double()) for x in (a, b)]
    return fid_statistics_to_metric(*statistics, verbose=False)["frechet_inception_distance"]


def inception_score(logits, split):
    """As the evaluation suite of Dhariwal & Nichol 2021, in float64."""
    x = logits.astype(np.float64)
    p = np.exp(x - x.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    scores = []
    for start in range(0, len(p), split):
        part = p[start:start + split]
        scores.append(np.exp((part * (np.log(part) - np.log(part.mean(axis=0)))).sum(axis=1).mean()))
    return float(np.mean(scores))


def exact_distances(u, v):
    u, v = u.astype(np.float64), v.astype(np.float64)
    return np.stack([((row - v) ** 2).sum(axis=1) for row in u])


def half_distances(u, v):
    """NumPy rounds each operation on float16; sums over features are in float32 until they are rounded."""
    half = np.float16
    u, v = u.astype(half), v.astype(half)

    def norms(x):
        return (x * x).astype(np.float32).sum(axis=1).astype(half)

    products = (u.astype(np.float32) @ v.astype(np.float32).T).astype(half)
    distances = (norms(u)[:, None] - half(2) * products) + norms(v)[None]
    if not np.isfinite(distances).all():
        raise ValueError("float16 does not suffice")
    return np.maximum(distances, half(0)).astype(np.float32)


def precision_recall(samples, reference, distances, k=3):
    def radii(x):
        return np.sort(distances(x, x), axis=1)[:, k]

    between = distances(reference, samples)
    inside = (between <= radii(reference)[:, None]).any(axis=0)
    covered = (between <= radii(samples)[None]).any(axis=1)
    return {
        "inside": np.flatnonzero(inside).tolist(), "covered": np.flatnonzero(covered).tolist(),
        "precision": float(inside.mean()), "recall": float(covered.mean()),
        "nearest": between.argmin(axis=0)[:20].tolist(),
    }


def whole_kernel_distance(x, y):
    def kernel(a, b):
        return (a.astype(np.float64) @ b.astype(np.float64).T / a.shape[1] + 1) ** 3

    n, m = len(x), len(y)
    xx, yy = kernel(x, x), kernel(y, y)
    return float((xx.sum() - np.trace(xx)) / (n * (n - 1)) + (yy.sum() - np.trace(yy)) / (m * (m - 1))
                 - 2 * kernel(x, y).mean())


def agree(what, value, reference, limit):
    error = abs(value - reference) / abs(reference)
    print(f"  {what}: {value:.12g}, relative difference {error:.1e}")
    if not error <= limit:
        raise AssertionError(f"{what}: {value} and {reference}")


def figures():
    a, b = features(1, 600, 24), np.float32(1.25) * features(2, 500, 24) + np.float32(0.125)
    wide_a, wide_b = features(3, 300, 2048), np.float32(1.25) * features(4, 280, 2048)
    few_a, few_b = features(3, 60, 200), np.float32(1.25) * features(4, 50, 200)
    fid, few, thin = frechet(a, b), thin_frechet(few_a, few_b), thin_frechet(wide_a, wide_b)
    agree("fid, torch-fidelity", fidelity_frechet(a, b), fid, 1e-9)
    agree("fid, singular values", thin_frechet(a, b), fid, 1e-9)
    agree("fid of few, torch-fidelity", fidelity_frechet(few_a, few_b), few, 1e-4)
    mean, covariance = moments(a)
    # Sets so close that some images are inside and some outside.
    near_a, near_b = a[:, :8], np.float32(1.25) * features(2, 500, 24)[:, :8]
    exact = precision_recall(near_a, near_b, exact_distances)
    fidelity = prc_features_to_metric(
        torch.from_numpy(near_a).double(), torch.from_numpy(near_b).double(), verbose=False)
    agree("precision", fidelity["precision"], exact["precision"], 1e-6)
    agree("recall", fidelity["recall"], exact["recall"], 1e-6)
    # Large norms, of which float16 keeps three digits.
    half_a, half_b = near_a * np.float32(8) + np.float32(16), near_b * np.float32(8) + np.float32(16)
    half = precision_recall(half_a, half_b, half_distances)
    shift = precision_recall(half_a, half_b, exact_distances)
    print(f"  precision {shift['precision']} exact, {half['precision']} in float16;"
          f" recall {shift['recall']}, {half['recall']}")
    kid = kid_features_to_metric(
        torch.from_numpy(a).double(), torch.from_numpy(b).double(), kid_subsets=10, kid_subset_size=100,
        rng_seed=2020, verbose=False)
    logits = np.float32(8) * features(5, 1230, 10)
    random = np.random.RandomState(2020)
    return {
        "mean": mean.tolist(), "covariance_row": covariance[5].tolist(),
        "covariance_sum": float(covariance.sum()),
        "fid": fid, "fid_few": few, "fid_wide": thin,
        "is_chunks_100": inception_score(logits, 100), "is_whole": inception_score(logits, 5000),
        "exact": exact, "half": half,
        "kid": kid["kernel_inception_distance_mean"], "kid_std": kid["kernel_inception_distance_std"],
        "kid_whole": whole_kernel_distance(a, b),
        "choices": [random.choice(n, 10, replace=False).tolist() for n in (50, 70000, 11)],
    }


def npy(array, version=None):
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array, version=version)
    return buffer.getvalue()


def archives():
    folder = FOLDER / "npz"
    folder.mkdir(parents=True, exist_ok=True)
    images = (np.arange(5 * 4 * 6 * 3) * 37 % 251).astype(np.uint8).reshape(5, 4, 6, 3)
    classes = np.array([3, 1, 4, 1, 5])
    mean = np.array([0.5, -0.25, 2.0])
    covariance = np.array([[2, 0.5, 0.25], [0.5, 1, 0], [0.25, 0, 3]])
    np.savez(folder / "stored.npz", arr_0=images, arr_1=classes)
    np.savez_compressed(
        folder / "deflated.npz", arr_0=images, arr_1=classes.astype(np.int32), mu=mean, sigma=covariance)
    np.savez(folder / "fortran.npz", arr_0=np.asfortranarray(images), mu=mean.astype(">f8"),
             sigma=np.asfortranarray(covariance.astype(np.float32)))
    np.savez_compressed(folder / "fortran-deflated.npz", arr_0=np.asfortranarray(images))
    np.savez(folder / "objects.npz", arr_0=np.array([images, None], dtype=object))
    np.savez(folder / "floats.npz", arr_0=images.astype(np.float32) / 255, arr_1=classes)
    np.savez(folder / "channels-first.npz", arr_0=images.transpose(0, 3, 1, 2).copy())
    np.savez(folder / "other.npz", images=images, labels=classes)
    record = np.array(("net", 7, "crop"), dtype=[("features", "<U8"), ("images", "<i8"), ("resize", "<U9")])
    np.savez(folder / "record.npz", mu=mean, sigma=covariance, dit=record)
    with zipfile.ZipFile(folder / "versions.npz", "w") as archive:
        for version in ((1, 0), (2, 0), (3, 0)):
            entry = zipfile.ZipInfo(f"v{version[0]}.npy")
            archive.writestr(entry, npy(images, version))
    print(f"npz: {sum(path.stat().st_size for path in folder.iterdir()) / 1000:.0f} kB")


if __name__ == "__main__":
    prepare()
    path = FOLDER / "metrics.json"
    path.write_text(json.dumps(figures(), sort_keys=True) + "\n")
    print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")
    archives()
