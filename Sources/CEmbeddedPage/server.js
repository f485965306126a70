"use strict";

/** A request that did not succeed, in words for the user. */
class ServerError extends Error {
  /** `status` is 0 if no answer came; `field` names what is wrong of the settings. */
  constructor(status, message, field) {
    super(message);
    this.status = status;
    this.field = field;
  }

  /** Whether the same request will not succeed later. */
  get isFinal() {
    return this.status >= 400 && this.status < 500 && this.status !== 408 && this.status !== 429;
  }

  /** Reads what the server says of a refused request. */
  static async of(response) {
    const error = await response.json().then((body) => body.error, () => null);
    const seconds = Number(response.headers.get("Retry-After"));
    const again = seconds > 0 ? ` Try again in ${duration(seconds)}.` : " Try again later.";
    const said = error?.message ? sentence(error.message) : `The server answered with status ${response.status}.`;
    const words = {
      404: "The server no longer knows this. It keeps results for some minutes, and none when it starts anew.",
      429: `The queue of the server is full.${again}`,
      503: `${said}${again}`,
    };
    return new ServerError(response.status, words[response.status] ?? said, error?.param);
  }
}

/** A text as a sentence. */
function sentence(text) {
  const start = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(start) ? start : start + ".";
}

/** Seconds in words. */
function duration(seconds) {
  const whole = Math.max(1, Math.round(seconds));
  if (whole < 90) return `${whole} s`;
  const minutes = Math.round(whole / 60);
  return minutes < 90 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** Waits; ends early if `signal` is aborted. */
function pause(milliseconds, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal?.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });
}

/** Shows at the top whether the server answers: "good", "bad" or "wait". */
function showState(state, text) {
  const line = document.getElementById("state");
  if (line.textContent === text) return;
  line.dataset.state = state;
  line.textContent = text;
}

/**
 * Sends a request with the token; asks for the token where the server wants another one.
 *
 * Paths are relative, so that the page works below a path of a reverse proxy.
 */
async function request(path, options = {}) {
  for (;;) {
    const token = sessionStorage.getItem("token");
    const headers = { ...options.headers };
    if (token) headers.Authorization = `Bearer ${token}`;
    let response;
    try {
      response = await fetch(path, { ...options, headers, cache: "no-store" });
    } catch (error) {
      if (options.signal?.aborted) throw error;
      showState("bad", "The server does not answer");
      throw new ServerError(0, "The server does not answer. Is it still running?");
    }
    if (response.status === 401) {
      // Another request may have brought a new one.
      if (token === sessionStorage.getItem("token")) await askForToken(token !== null);
      continue;
    }
    if (!response.ok) throw await ServerError.of(response);
    showState("good", "Ready");
    return response;
  }
}

let tokenQuestion = null;

/** Asks the user for the token, once for all requests that wait for it. */
function askForToken(isWrong) {
  tokenQuestion ??= new Promise((resolve, reject) => {
    const dialog = document.getElementById("ask-token");
    const input = document.getElementById("token");
    showState("wait", "Waiting for the token");
    document.getElementById("token-error").textContent = isWrong ? "The server does not take this token." : "";
    input.value = "";
    dialog.returnValue = "";
    dialog.addEventListener("close", () => {
      tokenQuestion = null;
      if (dialog.returnValue === "use" && input.value.trim()) {
        sessionStorage.setItem("token", input.value.trim());
        resolve();
      } else {
        sessionStorage.removeItem("token");
        showState("bad", "No token");
        reject(new ServerError(401, "The server takes no requests without its token. Reload the page to enter it."));
      }
    }, { once: true });
    dialog.showModal();
    input.focus();
  });
  return tokenQuestion;
}

/** Parses server-sent events: yields `{ type, data }`, and a comment as `{ type: "comment" }`. */
async function* serverSentEvents(body, silence) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  let event = { type: "message", data: "" };
  try {
    for (;;) {
      let timer;
      const late = new Promise((_, reject) => {
        timer = setTimeout(() => reject(new Error("silence")), silence);
      });
      const { done, value } = await Promise.race([reader.read(), late]).finally(() => clearTimeout(timer));
      if (done) return;
      const lines = (text + value).split(/\r\n|\n/);
      text = lines.pop();
      for (const line of lines) {
        const [, name, rest] = /^([^:]*):? ?(.*)$/s.exec(line);
        if (line === "") {
          if (event.data) yield event;
          event = { type: "message", data: "" };
        } else if (name === "event") event.type = rest;
        else if (name === "data") event.data += rest;
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

/**
 * The events of a job, also over lost connections: yields `{ type, ...data }`, where a lost connection is
 * `{ type: "lost" }`. After it the server tells again how the job stands, with its images.
 */
async function* jobEvents(id, signal) {
  const final = ["done", "failed", "cancelled"];
  let wait = 500;
  while (!signal.aborted) {
    try {
      const response = await request(`api/v1/jobs/${id}/events`, { signal });
      // The server sends a comment from time to time.
      for await (const event of serverSentEvents(response.body, 60_000)) {
        wait = 500;
        yield { type: event.type, ...JSON.parse(event.data) };
        if (final.includes(event.type)) return;
      }
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof ServerError && error.isFinal) throw error;
    }
    yield { type: "lost" };
    await pause(wait, signal);
    wait = Math.min(2 * wait, 10_000);
  }
}
