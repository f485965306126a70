"""What the dynamic linker will ask of the system for the files of a package."""

import pathlib
import re
import subprocess

from contents import PackageError

# The C library of Ubuntu 22.04, the oldest system that packages are for.
OLDEST_GLIBC = (2, 35)
# Debian's package of a library, and the first version of it that has a version of symbols.
GLIBC = r"(libc|libm|libdl|libpthread|librt|libmvec|ld-linux-x86-64)\.so\.\d+"
LIBSTDCXX = {29: "11", 30: "12", 31: "13.1", 32: "13.1", 33: "14"}
# Found by the driver of a GPU.
OPTIONAL = ("libcuda.so.1",)


def dynamic(path):
    """The names of the libraries that a file needs, and the versions of symbols by prefix."""
    text = subprocess.run(["readelf", "-W", "-d", "-V", str(path)], capture_output=True, text=True, check=True).stdout
    needed = re.findall(r"\(NEEDED\).*\[(.+)\]", text)
    # Definitions of its own are no needs.
    needs = text.partition("Version needs section")[2]
    return needed, re.findall(r"Name: ([A-Z]+(?:XX)?)_([\d.]+)\b", needs)


def newest(versions):
    return max((tuple(map(int, version.split("."))) for version in versions), default=())


def dependencies(files):
    """The relations of a Debian package to those of the system; raises PackageError if there is none."""
    present = {path.name for path in files}
    needed, symbols = set(), {}
    for path in files:
        names, versions = dynamic(path)
        needed.update(names)
        for prefix, version in versions:
            symbols.setdefault(prefix, set()).add(version)
    glibc = newest(symbols.get("GLIBC", ()))
    if glibc > OLDEST_GLIBC:
        raise PackageError(
            f"the program needs glibc {'.'.join(map(str, glibc))}, and Ubuntu 22.04 has "
            f"{'.'.join(map(str, OLDEST_GLIBC))}. Build on Debian 12, Ubuntu 22.04 or older")
    relations = set()
    for name in sorted(needed - present - set(OPTIONAL)):
        if re.fullmatch(GLIBC, name):
            relations.add(f"libc6 (>= {'.'.join(map(str, glibc))})")
        elif name == "libstdc++.so.6":
            minor = newest(symbols.get("GLIBCXX", ()))[2]
            relations.add(f"libstdc++6 (>= {LIBSTDCXX.get(minor, '11' if minor < 29 else '15')})")
        elif name == "libgcc_s.so.1":
            relations.add("libgcc-s1 (>= 4.2)")
        elif name == "libz.so.1":
            relations.add("zlib1g (>= 1:1.2.11)")
        else:
            raise PackageError(f"{name} is needed, and neither inside the package nor known to be in Debian")
    return ", ".join(sorted(relations))


def strip(path):
    """Removes what running does not need."""
    # Without .note.gnu.build-id a file would lose the protection of its relocations (RELRO) too.
    subprocess.run(["strip", "--strip-unneeded", "--remove-section=.comment", str(path)], check=True)


def elf_files(stage):
    return sorted(path for path in pathlib.Path(stage).rglob("*")
                  if path.is_file() and not path.is_symlink() and path.read_bytes()[:4] == b"\x7fELF")
