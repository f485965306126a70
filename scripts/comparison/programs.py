"""Runs the cases of a comparison with one program or the other, several at a time."""

import concurrent.futures
import dataclasses
import fcntl
import hashlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time

LIMIT_SECONDS = 300
# What a program that was told to stop may take.
STOP_SECONDS = 60
# A counter of steps or images in what the program says as it goes.
PROGRESS = re.compile(rb"\b\d+/\d+\b")


@dataclasses.dataclass
class Case:
    """A command that both programs are given.

    `name` is PART/NAME, also the folder for its results; `NAME` in arguments stands for it.
    """

    name: str
    arguments: list
    # Cases whose results by the base program this one needs.
    needs: list = dataclasses.field(default_factory=list)
    # Called with the folders of the base program, of the program that runs, and of the case.
    prepare: object = None
    # The case of the base program that the new program's result is compared with; else this one.
    reference: str = None
    # Only for the base program, as a beginning for other cases.
    is_beginning: bool = False
    # The exit code alone is compared.
    is_exit: bool = False
    # Sent as soon as the program shows progress, or has written a file of the pattern `sign`.
    signal: int = None
    sign: str = None
    # Where standard output goes, to be compared too.
    output: str = None
    environment: dict = dataclasses.field(default_factory=dict)
    # Further arguments for the new program, in place of a default that the base program has.
    new_arguments: list = dataclasses.field(default_factory=list)

    @property
    def part(self):
        return self.name.split("/")[0]

    def command(self, title):
        arguments = self.arguments + (self.new_arguments if title == "new" else [])
        return [str(text).replace("NAME", self.name) for text in arguments]


class Side:
    """A program, and the folder in which it runs all cases."""

    def __init__(self, title, program, folder, keeps):
        self.title = title
        self.program = pathlib.Path(program).resolve()
        self.folder = folder
        # Whether earlier results are taken where the program and the command are the same.
        self.keeps = keeps
        self.digest = hashlib.sha256(self.program.read_bytes()).hexdigest()

    def prepare(self, make_inputs):
        """Empties the folder, unless results are kept, and makes the inputs in it."""
        if not self.keeps:
            shutil.rmtree(self.folder, ignore_errors=True)
        (self.folder / "logs").mkdir(parents=True, exist_ok=True)
        with self.locked("inputs"):
            if not (self.folder / "inputs").exists():
                partial = self.folder / "partial-inputs"
                shutil.rmtree(partial, ignore_errors=True)
                partial.mkdir()
                make_inputs(partial)
                partial.rename(self.folder / "inputs")

    def locked(self, name):
        path = self.folder / "logs" / (name.replace("/", "_") + ".lock")
        file = open(path, "w")
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
        except OSError:
            file.close()
            raise
        return file

    def run(self, case, base_folder):
        """Runs a case.

        Returns its exit code and what it said on standard error.
        """
        log = self.folder / "logs" / case.name.replace("/", "_")
        done, errors = log.with_suffix(".json"), log.with_suffix(".err")
        stamp = {
            "program": self.digest, "command": case.command(self.title),
            "environment": case.environment,
        }
        with self.locked(case.name):
            if self.keeps and done.exists():
                earlier = json.loads(done.read_text())
                # A beginning that came to its end is no beginning.
                is_whole = case.is_beginning and earlier["code"] == 0
                if {key: earlier[key] for key in stamp} == stamp and not is_whole:
                    return earlier["code"], errors.read_text(errors="replace")
            done.unlink(missing_ok=True)
            folder = self.folder / case.name
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            if case.prepare:
                case.prepare(base_folder, self.folder, folder)
            code = self.execute(case, folder, errors)
            done.write_text(json.dumps({**stamp, "code": code}))
        return code, errors.read_text(errors="replace")

    def execute(self, case, folder, errors):
        environment = {**os.environ, "OMP_NUM_THREADS": "1", **case.environment}
        with (
            open(errors, "wb") as file,
            open(folder / case.output if case.output else os.devnull, "wb") as output,
        ):
            process = subprocess.Popen(
                [str(self.program), *case.command(self.title)], cwd=self.folder, env=environment,
                stdin=subprocess.DEVNULL, stdout=output, stderr=file, start_new_session=True)
        try:
            end = time.monotonic() + LIMIT_SECONDS
            if case.signal:
                while process.poll() is None and time.monotonic() < end:
                    if has_begun(case, folder, errors):
                        process.send_signal(case.signal)
                        end = time.monotonic() + STOP_SECONDS
                        break
                    time.sleep(0.005)
            try:
                return process.wait(timeout=max(1, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                return f"none after {STOP_SECONDS if case.signal else LIMIT_SECONDS} s"
        finally:
            end_group(process)


def end_group(process):
    """Ends what a program has left running, which may be its workers."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def has_begun(case, folder, errors):
    if case.sign:
        return any(folder.glob(case.sign))
    return PROGRESS.search(errors.read_bytes())


def run_cases(cases, selected, base, new, jobs):
    """Runs the selected cases with both programs, after the cases of the base that they need.

    Returns by (title of the side, name of the case) the exit code and what was said.
    """
    by_name = {case.name: case for case in cases}
    waiting = {}

    def require(side, case):
        key = (side.title, case.name)
        if key in waiting:
            return
        needed = [by_name[name] for name in case.needs]
        for other in needed:
            require(base, other)
        waiting[key] = (side, case, {(base.title, other.name) for other in needed})

    for case in selected:
        if case.is_beginning or not case.reference:
            require(base, case)
        else:
            require(base, by_name[case.reference])
        if not case.is_beginning:
            require(new, case)
    results, running = {}, {}
    total = len(waiting)
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        while waiting or running:
            for key in [key for key in waiting if waiting[key][2] <= results.keys()]:
                side, case, _ = waiting.pop(key)
                running[pool.submit(side.run, case, base.folder)] = key
            finished, _ = concurrent.futures.wait(
                running, return_when=concurrent.futures.FIRST_COMPLETED)
            for future in finished:
                error = future.exception()
                results[running.pop(future)] = (f"none: {error}", "") if error else future.result()
            if sys.stderr.isatty():
                print(f"{len(results)}/{total} runs", end="\r", file=sys.stderr, flush=True)
    return results


def executable(checkout):
    return checkout / ".build/release/dit"


def build(checkout, root):
    """Builds a checkout's program in release mode, with LIBTORCH or the libtorch of `root`."""
    torch = os.environ.get("LIBTORCH") or str(root / ".libtorch/torch")
    swift = os.environ.get("SWIFT", "swift")
    print(f"compare-with: building {checkout} with {torch}", flush=True)
    result = subprocess.run(
        [swift, "build", "-c", "release", "--product", "dit"], cwd=checkout,
        env={**os.environ, "LIBTORCH": torch}, stdout=sys.stderr, check=False)
    if result.returncode != 0:
        sys.exit(f"compare-with: {checkout} does not build; see above")
    return executable(checkout)


def check_out(revision, root):
    """A worktree of a commit below .build/compare, which stays for the next time."""
    command = ["git", "-C", str(root), "rev-parse", "--short", "--verify", f"{revision}^{{commit}}"]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    if found.returncode != 0:
        sys.exit(f"compare-with: there is no commit '{revision}': {found.stderr.strip()}")
    folder = root / ".build/compare" / found.stdout.strip()
    if not (folder / "Package.swift").exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["git", "-C", str(root), "worktree", "prune"], check=True)
        subprocess.run(
            ["git", "-C", str(root), "worktree", "add", "--detach", str(folder), revision],
            check=True, stdout=sys.stderr)
    return folder
