"""What is inside a package: the parts, their versions, licences and where they come from."""

import dataclasses
import json
import pathlib
import re
import subprocess
import urllib.parse


class PackageError(Exception):
    """A problem with its remedy, in one message."""


@dataclasses.dataclass
class Part:
    """Something of others, or of this repository, that a package has inside."""

    name: str
    version: str
    # An expression of SPDX identifiers.
    licence: str
    # Package URL: where it comes from.
    purl: str
    # Texts by file name.
    texts: dict
    # Files of lib/dit that are this part, by a pattern; the program has the others inside.
    files: str = "$^"


def licence_of(text):
    """The SPDX expression of a licence text of a Swift package."""
    if "Apache License" in text:
        return "Apache-2.0 WITH Swift-exception" if "Runtime Library Exception" in text else "Apache-2.0"
    if "Permission is hereby granted, free of charge" in text:
        return "MIT"
    raise PackageError(f"a licence is not known here: {text[:60]!r}. Add it to scripts/packaging/contents.py")


def linked_targets(build):
    """The names of the targets of which the program in the folder `build` consists."""
    listing = build / "dit.product/Objects.LinkFileList"
    if not listing.is_file():
        raise PackageError(f"{listing} is missing, so it is not known what the program consists of. Build it there")
    return {pathlib.PurePath(part).stem
            for line in listing.read_text().splitlines()
            for part in pathlib.PurePath(line.strip("'\"")).parts if part.endswith(".build") and part != ".build"}


def llhttp(root, sources):
    """The parser of HTTP that swift-nio has inside, by the folder of its target."""
    header = (sources / "include/c_nio_llhttp.h").read_text()
    version = ".".join(re.search(rf"#define LLHTTP_VERSION_{part} (\d+)", header)[1]
                       for part in ("MAJOR", "MINOR", "PATCH"))
    return Part("llhttp", version, "MIT", f"pkg:github/nodejs/llhttp@v{version}",
                {"LICENSE": (sources / "LICENSE").read_text()})


def libyaml(root, sources):
    """The parser of YAML that Yams has inside; neither its version nor its licence is beside it."""
    return Part("libyaml", "0.2.5", "MIT", "pkg:github/yaml/libyaml@0.2.5",
                {"License": (root / "scripts/packaging/libyaml-licence.txt").read_text()})


# What is inside Swift packages, by the target.
INSIDE = {"CNIOLLHTTP": llhttp, "CYaml": libyaml}


def swift_packages(root, build):
    """The Swift packages whose targets are linked into the program in the folder `build`, and what they have inside."""
    checkouts = build.parents[1] / "checkouts"
    resolved = root / "Package.resolved"
    targets = linked_targets(build)
    parts = []
    for pin in json.loads(resolved.read_text())["pins"]:
        checkout = checkouts / pathlib.PurePath(pin["location"]).stem
        sources = {path.name for path in checkout.glob("Sources/*")}
        if not sources & targets:
            continue
        texts = {path.name: path.read_text(errors="replace")
                 for pattern in ("LICENSE*", "NOTICE*") for path in sorted(checkout.glob(pattern)) if path.is_file()}
        owner, name = pin["location"].removesuffix(".git").split("/")[-2:]
        first = next((text for file, text in texts.items() if file.startswith("LICENSE")), "")
        version = pin["state"].get("version", pin["state"]["revision"])
        parts.append(Part(name, version, licence_of(first), f"pkg:github/{owner}/{name}@{version}", texts))
        for target in sorted(sources & targets):
            folder = checkout / "Sources" / target
            if target in INSIDE:
                parts.append(INSIDE[target](root, folder))
            elif found := [*folder.rglob("LICENSE*"), *folder.rglob("COPYING*")]:
                raise PackageError(f"{found[0]} is of a part that is not known here. Add it to INSIDE in "
                                   "scripts/packaging/contents.py")
    return parts


def libtorch_licences(torch):
    """The licence texts of the wheel that libtorch is from."""
    places = [torch / "licenses", *sorted(torch.parent.glob("torch-*.dist-info/licenses"))]
    for place in places:
        if (place / "LICENSE").is_file():
            return {str(path.relative_to(place)): path.read_text(errors="replace")
                    for path in sorted(place.rglob("*")) if path.is_file()}
    raise PackageError(f"{torch} has no folder of licences, because an earlier set-up made it. Remove it and run "
                       "make setup")


def libtorch_version(torch):
    text = (torch / "include/torch/headeronly/version.h").read_text()
    return ".".join(re.search(rf"#define\s+TORCH_VERSION_{part}\s+(\d+)", text)[1]
                    for part in ("MAJOR", "MINOR", "PATCH"))


def debian_part(name, file, licence, pattern):
    """A library of a Debian package of this machine, by a file of it."""
    owner = None
    for spelling in (file, pathlib.Path("/usr" + str(file)), file.resolve()):
        found = subprocess.run(["dpkg-query", "-S", str(spelling)], capture_output=True, text=True)
        if found.returncode == 0:
            owner = found.stdout.split(":")[0]
            break
    if owner is None:
        raise PackageError(f"{file} belongs to no Debian package, so its version and licence are not known here")
    version = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", owner],
                             capture_output=True, text=True, check=True).stdout.strip()
    text = pathlib.Path(f"/usr/share/doc/{owner}/copyright").read_text(errors="replace")
    purl = f"pkg:deb/{system_name()}/{owner}@{urllib.parse.quote(version, safe='')}"
    return Part(name, version, licence, purl, {"copyright": text}, pattern)


def system_name(file=pathlib.Path("/etc/os-release")):
    """The ID of this machine's system: debian, ubuntu."""
    found = re.search(r"""(?m)^ID=["']?([a-z0-9._-]+)""", file.read_text())
    if found is None:
        raise PackageError(f"{file} has no ID, so it is not known whose packages these are")
    return found[1]


def runtime_version(swift):
    """The version of the compiler, whose run-time libraries are brought along."""
    text = subprocess.run([swift, "--version"], capture_output=True, text=True, check=True).stdout
    return re.search(r"Swift version (\S+)", text)[1]


def all_parts(root, build, version, libraries, swift):
    """All parts, this repository's first. `libraries`: files by the names in lib/dit."""
    torch = libraries["libtorch_cpu.so"].parent.parent
    runtime = libraries["libswiftCore.so"].parents[3]
    swift_licence = (runtime / "share/swift/LICENSE.txt").read_text(errors="replace")
    swift_version = runtime_version(swift)
    gcc = pathlib.Path("/usr/share/doc/libgomp1/copyright")
    if not gcc.is_file():
        gcc = next(iter(sorted(pathlib.Path("/usr/share/doc").glob("gcc-*-base/copyright"))), None)
    if gcc is None:
        raise PackageError("the licence of libgomp is missing; it comes with: apt-get install libgcc-s1")
    return [
        Part("dit", version, "Apache-2.0", f"pkg:generic/swift-dit@{version}",
             {"LICENSE": (root / "LICENSE").read_text()}, "dit"),
        Part("dit-emoji-model", version, "Apache-2.0", f"pkg:generic/swift-dit@{version}#Models",
             {"README.md": (root / "Models/README.md").read_text()}),
        Part("libtorch", libtorch_version(torch), "BSD-3-Clause",
             f"pkg:pypi/torch@{libtorch_version(torch)}", libtorch_licences(torch), r"lib(torch|c10).*"),
        Part("libgomp", "bundled-with-torch", "GPL-3.0-or-later WITH GCC-exception-3.1",
             f"pkg:pypi/torch@{libtorch_version(torch)}#torch/lib/libgomp.so.1",
             {"copyright": gcc.read_text(errors="replace")}, r"libgomp.*"),
        Part("swift-runtime", swift_version, "Apache-2.0 WITH Swift-exception",
             f"pkg:github/swiftlang/swift@swift-{swift_version}-RELEASE", {"LICENSE.txt": swift_licence},
             r"lib(swift|_?Foundation(?!ICU)|dispatch|BlocksRuntime).*"),
        Part("swift-foundation-icu", swift_version, "Unicode-3.0",
             f"pkg:github/swiftlang/swift-foundation-icu@swift-{swift_version}-RELEASE",
             {"LICENSE.md": (root / "scripts/packaging/unicode-licence.txt").read_text()}, r"lib_FoundationICU.*"),
        debian_part("libpng", libraries["libpng16.so.16"], "libpng-2.0", r"libpng16.*"),
        debian_part("libjpeg-turbo", next(path for name, path in libraries.items() if name.startswith("libjpeg")),
                    "IJG AND BSD-3-Clause AND Zlib", r"libjpeg.*"),
        *swift_packages(root, build),
    ]
