#!/usr/bin/env python3
"""Loads `dit serve` with many clients at once, some of which behave badly, and measures.

Usage: Benchmarks/serve.py PROGRAM [--clients 200] [--seconds 300] [--only crowd|throughput] [-- OPTIONS]

crowd: clients draw with the native and OpenAI's API, cancel, disconnect, stop reading, send damaged and oversized
requests, all at random. Each accepted job has to end, no answer may be of another kind than asked for, the
server must not crash, and its memory may grow by little more than the images that it keeps. Prints the
time to the first preview, the latency of /healthz meanwhile, and memory over time.

throughput: clients that draw one image after another, against a server that joins them into batches, one with
--batch-size 1, and one with batches in two workers, in turn.

OPTIONS go to the server. Exits with 1 if something is wrong.
"""

import argparse
import asyncio
import collections
import json
import pathlib
import random
import signal
import statistics
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "scripts"))
from serving.server import Server  # noqa: E402

CLASSES = 12  # the first ones of the built-in model
FINAL = ("done", "failed", "cancelled")
JSON = {"Content-Type": "application/json"}


class Answer:
    """An HTTP answer whose body is read as it comes."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    async def head(self):
        lines = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        self.status = int(lines[0].split()[1])
        self.headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:] if line)}
        return self

    async def pieces(self):
        """The body in pieces; ends with the body."""
        if self.headers.get("transfer-encoding", "").lower() == "chunked":
            while size := int((await self.reader.readuntil(b"\r\n")).split(b";")[0], 16):
                yield await self.reader.readexactly(size)
                await self.reader.readexactly(2)
            await self.reader.readuntil(b"\r\n")
        elif length := int(self.headers.get("content-length", 0)):
            yield await self.reader.readexactly(length)

    async def body(self):
        return b"".join([piece async for piece in self.pieces()])

    async def events(self):
        """The server-sent events: pairs of name and value."""
        text, name = b"", ""
        async for piece in self.pieces():
            *lines, text = (text + piece).split(b"\n")
            for line in lines:
                if line.startswith(b"event: "):
                    name = line[7:].decode()
                elif line.startswith(b"data: "):
                    yield name, json.loads(line[6:])

    def close(self):
        self.writer.close()


async def ask(port, method, path, body=None, headers=JSON, raw=None, limit=2**20):
    """Sends a request over a connection of its own and returns the answer after its head."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=limit)
    if raw is None:
        data = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        fields = {"Host": f"127.0.0.1:{port}", "Content-Length": len(data), "Connection": "close", **headers}
        head = f"{method} {path} HTTP/1.1\r\n" + "".join(f"{key}: {value}\r\n" for key, value in fields.items())
        raw = head.encode() + b"\r\n" + data
    answer = Answer(reader, writer)
    try:
        writer.write(raw)
        await writer.drain()
        return await answer.head()
    except BaseException:
        answer.close()
        raise


async def fetch(port, method, path, body=None):
    """Sends a request and returns status and value."""
    answer = await ask(port, method, path, body)
    try:
        data = await answer.body()
        return answer.status, json.loads(data) if "json" in answer.headers.get("content-type", "") else data
    finally:
        answer.close()


class Crowd:
    """Clients of all kinds, and what they saw."""

    def __init__(self, port, seed):
        self.port, self.random = port, random.Random(seed)
        self.actions, self.statuses, self.ends = (collections.Counter() for _ in range(3))
        self.faults, self.previews, self.images, self.image_bytes = [], [], 0, 0
        self.open_jobs, self.accepted = set(), 0

    def fault(self, text):
        if len(self.faults) < 20:
            print(f"FAULT: {text}", flush=True)
        self.faults.append(text)

    def wish(self, **more):
        """A request of one of a few settings, so that some fit together in a batch."""
        sampler, steps = self.random.choice([("euler", 10), ("euler", 20), ("unipc", 6), ("euler-sde", 25)])
        return {"prompt": self.random.randrange(CLASSES), "sampler": sampler, "steps": steps,
                "seed": self.random.randrange(2**32), "n": self.random.choice([1, 1, 1, 2, 4]), **more}

    async def begin(self, wish):
        """Posts a native job: its name, or None if the queue is full."""
        status, job = await fetch(self.port, "POST", "/api/v1/jobs", wish)
        self.statuses[status] += 1
        if status == 429:
            await asyncio.sleep(self.random.uniform(0.05, 0.5))
            return None
        if status != 202:
            self.fault(f"a job is answered with {status}: {job}")
            return None
        self.accepted += 1
        self.open_jobs.add(job["id"])
        return job["id"]

    def end(self, job, state):
        self.open_jobs.discard(job)
        self.ends[state] += 1
        if state == "failed":
            self.fault(f"job {job} failed")

    async def settle(self, job, seconds=120):
        """Waits until a job has ended, by asking for it."""
        for _ in range(seconds * 4):
            status, value = await fetch(self.port, "GET", f"/api/v1/jobs/{job}")
            if status != 200:
                return self.fault(f"job {job} is lost: {status}")
            if value["status"] in FINAL:
                return self.end(job, value["status"])
            await asyncio.sleep(0.25)
        return self.fault(f"job {job} does not end: {value}")

    async def follow(self, job, count, begun, until=None):
        """Reads a job's events; with `until` only so many, then disconnects."""
        answer = await ask(self.port, "GET", f"/api/v1/jobs/{job}/events")
        found, state, read = {}, None, 0
        try:
            async for name, event in answer.events():
                read += 1
                if name == "preview" and begun is not None:
                    self.previews.append(time.monotonic() - begun)
                    begun = None
                elif name == "image":
                    found[event["index"]] = event
                elif name in FINAL:
                    state = name
                if until is not None and read >= until:
                    return None
        finally:
            answer.close()
        if state is None:
            self.fault(f"the events of {job} ended without an end")
        elif state == "done" and sorted(found) != list(range(count)):
            self.fault(f"job {job} is done with images {sorted(found)} of {count}")
        if state:
            self.end(job, state)
        return list(found.values())

    # What clients do.

    async def draw(self):
        begun, wish = time.monotonic(), self.wish()
        if job := await self.begin(wish):
            images = await self.follow(job, wish["n"], begun)
            for image in images or []:
                status, data = await fetch(self.port, "GET", image["url"])
                if status != 200 or not data.startswith(b"\x89PNG"):
                    self.fault(f"{image['url']} is answered with {status}")
                self.images += 1
                self.image_bytes += len(data)

    async def cancel(self):
        if job := await self.begin(self.wish(steps=200, sampler="euler")):
            await asyncio.sleep(self.random.expovariate(2))
            status, value = await fetch(self.port, "DELETE", f"/api/v1/jobs/{job}")
            if status != 200:
                self.fault(f"cancelling {job}: {status} {value}")
            await self.settle(job)

    async def leave(self):
        wish = self.wish()
        if job := await self.begin(wish):
            await self.follow(job, wish["n"], None, until=self.random.randrange(1, 8))
            if job in self.open_jobs:
                await self.settle(job)

    async def stop_reading(self):
        if job := await self.begin(self.wish(n=4, steps=100, sampler="euler")):
            answer = await ask(self.port, "GET", f"/api/v1/jobs/{job}/events", limit=1024)
            await asyncio.sleep(self.random.uniform(1, 4))
            answer.close()
            await fetch(self.port, "DELETE", f"/api/v1/jobs/{job}")
            await self.settle(job)

    async def openai(self):
        wish = self.wish()
        status, value = await fetch(self.port, "POST", "/v1/images/generations", wish)
        self.statuses[status] += 1
        if status == 200 and len(value["data"]) == wish["n"]:
            self.images += wish["n"]
        elif status != 429:
            self.fault(f"OpenAI's API answers {status}: {str(value)[:200]}")

    async def openai_stream(self):
        wish = self.wish(stream=True, partial_images=2)
        answer = await ask(self.port, "POST", "/v1/images/generations", wish)
        try:
            self.statuses[answer.status] += 1
            if answer.status == 200:
                names = collections.Counter([name async for name, _ in answer.events()])
                wanted = {"completed": wish["n"], "partial_image": 2 * wish["n"]}
                if names != {f"image_generation.{name}": count for name, count in wanted.items()}:
                    self.fault(f"a stream of {wish['n']} images has {dict(names)}")
            elif answer.status != 429:
                self.fault(f"a stream is answered with {answer.status}")
        finally:
            answer.close()

    async def openai_leave(self):
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        body = json.dumps(self.wish(steps=200, sampler="euler", stream=self.random.random() < 0.5)).encode()
        writer.write(f"POST /v1/images/generations HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nContent-Type:"
                     f" application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        await asyncio.sleep(self.random.expovariate(3))
        writer.close()

    async def damaged(self):
        host = f"Host: 127.0.0.1:{self.port}\r\n"
        kind = self.random.randrange(7)
        if kind < 5:
            wrong = [b"{", b"[]", b'{"prompt": {}}', b'{"prompt": 1, "n": 1e99}', b'{"prompt": 1, "eta": "\xff"}']
            body = wrong[kind]
            path = self.random.choice(["/api/v1/jobs", "/v1/images/generations"])
            answer = await ask(self.port, "POST", path, body)
            await answer.body()
            answer.close()
            self.statuses[answer.status] += 1
            if answer.status != 400:
                self.fault(f"{body} is answered with {answer.status}")
            return
        raw = [b"\x16\x03\x01" + self.random.randbytes(200) + b"\r\n\r\n",
               f"POST /api/v1/jobs HTTP/1.1\r\n{host}Content-Length: -5\r\n\r\n".encode()][kind - 5]
        try:
            answer = await ask(self.port, "", "", raw=raw)
            self.statuses[answer.status] += 1
            answer.close()
            if answer.status != 400:
                self.fault(f"bytes that are no request are answered with {answer.status}")
        except (OSError, asyncio.IncompleteReadError):
            self.statuses["closed"] += 1

    async def oversized(self):
        body = b'{"prompt": "' + b"x" * 2**20 + b'"}'
        try:
            answer = await ask(self.port, "POST", "/api/v1/jobs", body)
            await answer.body()
        except (OSError, asyncio.IncompleteReadError) as error:
            return self.fault(f"the answer to a large body cannot be read: {error!r}")
        answer.close()
        self.statuses[answer.status] += 1
        if answer.status != 413:
            self.fault(f"a body of 1 MB is answered with {answer.status}")

    async def half(self):
        _, writer = await asyncio.open_connection("127.0.0.1", self.port)
        request = b"POST /api/v1/jobs HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\n{"
        writer.write(request[:self.random.randrange(len(request))])
        await asyncio.sleep(self.random.uniform(0, 2))
        writer.close()

    ACTIONS = {
        draw: 40, cancel: 10, leave: 10, stop_reading: 4, openai: 10, openai_stream: 8, openai_leave: 6, damaged: 6,
        oversized: 3, half: 3,
    }

    async def client(self, end):
        while time.monotonic() < end:
            action = self.random.choices(list(self.ACTIONS), list(self.ACTIONS.values()))[0]
            self.actions[action.__name__] += 1
            try:
                await asyncio.wait_for(action(self), 180)
            except TimeoutError:
                self.fault(f"{action.__name__} took more than 180 s")
            except (OSError, asyncio.IncompleteReadError) as error:
                self.fault(f"{action.__name__}: {error!r}")
            await asyncio.sleep(self.random.expovariate(20))


async def watch_health(port, seconds, latencies, interval=0.02):
    """Asks for /healthz again and again and appends how long each answer takes."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        begun = time.monotonic()
        status, _ = await fetch(port, "GET", "/healthz")
        latencies.append(time.monotonic() - begun if status == 200 else float("inf"))
        await asyncio.sleep(interval)


async def watch_memory(pid, samples):
    """Appends resident megabytes, threads and open files of the server each second."""
    while True:
        fields = dict(line.split(":", 1) for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines())
        files = len(list(pathlib.Path(f"/proc/{pid}/fd").iterdir()))
        samples.append((int(fields["VmRSS"].split()[0]) / 1024, int(fields["Threads"]), files))
        await asyncio.sleep(1)


def share(values, part):
    """A quantile."""
    ordered = sorted(values)
    return ordered[min(int(part * len(ordered)), len(ordered) - 1)] if ordered else float("nan")


def milliseconds(values):
    return f"p50 {1e3 * share(values, 0.5):.1f} ms, p99 {1e3 * share(values, 0.99):.1f} ms ({len(values)})"


def listed(counter):
    return ", ".join(f"{count} {name}" for name, count in counter.most_common())


def figures(server, name):
    """The values of a metric, by the text of their labels."""
    text = server.ask("GET", "/metrics")[1].decode()
    lines = [line.rsplit(" ", 1) for line in text.splitlines() if line.startswith(name)]
    return {key[len(name):]: float(value) for key, value in lines}


async def crowd_at(server, clients, seconds, seed):
    """Lets clients loose, then waits for all jobs."""
    crowd, idle, busy, memory = Crowd(server.port, seed), [], [], []
    for _ in range(10):
        await crowd.draw()
    previews, crowd.previews = crowd.previews, []
    await watch_health(server.port, 1, idle)
    watcher = asyncio.create_task(watch_memory(server.process.pid, memory))
    end = time.monotonic() + seconds
    health = asyncio.create_task(watch_health(server.port, seconds, busy, 0.1))
    await asyncio.gather(*(crowd.client(end) for _ in range(clients)))
    await health
    for job in list(crowd.open_jobs):
        await crowd.settle(job)
    await asyncio.sleep(2)
    watcher.cancel()
    return crowd, previews, idle, busy, memory


def run_crowd(program, options, clients, seconds, seed, folder):
    """The crowd; whether all went well."""
    server = Server(program, *options, log=folder / "server.log")
    try:
        crowd, previews, idle, busy, memory = asyncio.run(crowd_at(server, clients, seconds, seed))
        print(f"{clients} clients for {seconds} s: {listed(crowd.actions)}")
        print(f"answers: {listed(crowd.statuses)}")
        print(f"native jobs: {crowd.accepted} accepted; {listed(crowd.ends)}; images read: {crowd.images}")
        if sum(crowd.ends.values()) != crowd.accepted:
            crowd.fault(f"{crowd.accepted} jobs were accepted and {sum(crowd.ends.values())} ended")
        states = figures(server, "dit_jobs_total")
        waiting = sum(value for name in ("dit_queue_length", "dit_running_jobs")
                      for value in figures(server, name).values())
        print(f"the server counts {states}, and {waiting:.0f} waiting or running")
        if waiting:
            crowd.fault("jobs are left in the server")
        print(f"first preview after the request: alone {milliseconds(previews)}; in the crowd, with the time in the"
              f" queue, {milliseconds(crowd.previews)}")
        print(f"/healthz: idle {milliseconds(idle)}; while it draws {milliseconds(busy)}")
        rows = [memory[place * (len(memory) - 1) // 6] for place in range(7)]
        print(f"memory, MB: {', '.join(f'{row[0]:.0f}' for row in rows)}; threads {memory[-1][1]};"
              f" open files {max(row[2] for row in memory)} at most, {memory[-1][2]} at the end")
        grown = memory[-1][0] - share([row[0] for row in memory[: max(len(memory) // 4, 1)]], 1)
        print(f"memory has grown by {grown:.0f} MB since the first quarter")
        if grown > 64:
            crowd.fault("memory is not flat")
        if server.process.poll() is not None:
            crowd.fault(f"the server has ended with {server.process.returncode}")
        elif (status := server.stop()) not in (0, 143):
            crowd.fault(f"after SIGTERM the server ends with {status}")
        return not crowd.faults
    finally:
        server.stop(signal.SIGKILL)
        print((folder / "server.log").read_text(errors="replace")[-2000:])


async def draw_steadily(port, seconds, wish, number):
    """One client that draws one image after another: how many."""
    end, count = time.monotonic() + seconds, 0
    while not count or time.monotonic() < end:
        status, value = await fetch(port, "POST", "/v1/images/generations", {**wish, "seed": number + 1000 * count})
        if status != 200:
            raise SystemExit(f"an image is answered with {status}: {value}")
        count += 1
    return count


async def rate(port, clients, seconds, wish):
    """Images per second, from the first request to the last image."""
    begun = time.monotonic()
    counts = await asyncio.gather(*(draw_steadily(port, seconds, wish, number) for number in range(clients)))
    return sum(counts) / (time.monotonic() - begun)


def run_throughput(program, options, seconds, rounds, folder):
    """Images per second with and without batches, and with batches in two workers."""
    ways = {"batches": [], "one by one": ["--batch-size", "1"], "two workers": ["--workers", "2"]}
    rates = {(way, clients): [] for clients in (1, 8, 32) for way in ways}
    wish = {"prompt": 1, "sampler": "euler", "steps": 20}
    for _ in range(rounds):
        for way, more in ways.items():
            server = Server(program, *options, *more, log=folder / "server.log")
            try:
                asyncio.run(rate(server.port, 8, 1, wish))
                for clients in (1, 8, 32):
                    rates[way, clients].append(asyncio.run(rate(server.port, clients, seconds, wish)))
            finally:
                server.stop(signal.SIGKILL)
    for clients in (1, 8, 32):
        batches, alone, workers = (statistics.median(rates[way, clients]) for way in ways)
        print(f"{clients} clients: {batches:.2f} images/s in batches, {alone:.2f} one by one:"
              f" {batches / alone:.2f} times; {workers:.2f} in batches of two workers:"
              f" {workers / alone:.2f} times", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("program", type=pathlib.Path)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=["crowd", "throughput"])
    words = sys.argv[1:]
    place = words.index("--") if "--" in words else len(words)
    arguments, options = parser.parse_args(words[:place]), words[place + 1:]
    program, is_well = arguments.program.resolve(), True
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        if arguments.only != "throughput":
            is_well = run_crowd(
                program, options, arguments.clients, arguments.seconds, arguments.seed, folder)
        if arguments.only != "crowd":
            run_throughput(program, options, min(arguments.seconds / 10, 20), arguments.rounds, folder)
    return 0 if is_well else 1


if __name__ == "__main__":
    sys.exit(main())
