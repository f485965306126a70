"use strict";

/**
 * A job of the server, as a card with previews, until its images are in the gallery.
 *
 * It is `{ id, name, size, model, isBuiltIn, settings, time }`, kept over a reload: the card follows it again.
 */
class JobCard {
  /** Streams of events at a time: a browser opens six connections to a server, and each stream holds one. */
  static streamLimit = 2;
  static streams = 0;
  /** The cards without a stream, in the order of the server's queue. */
  static waiting = [];

  constructor(job, gallery, ended) {
    Object.assign(this, { job, gallery, ended });
    this.stop = new AbortController();
    this.announced = 0;
    this.missing = new Set(Array.from({ length: job.settings.n }, (_, index) => index));

    this.card = document.getElementById("job-template").content.cloneNode(true).firstElementChild;
    this.what = this.card.querySelector(".what");
    this.progress = this.card.querySelector("progress");
    this.cancelButton = this.card.querySelector(".cancel");
    const { n } = job.settings;
    const title = n > 1 ? `${job.name}, ${n} images` : job.name;
    this.card.querySelector("h3").textContent = title;
    this.card.ariaLabel = `Drawing ${title}`;
    this.progress.ariaLabel = `Progress of ${title}`;
    this.cancelButton.ariaLabel = `Cancel ${title}`;
    this.tiles = [...this.missing].map((index) => {
      const tile = document.createElement("li");
      const picture = document.createElement("img");
      tile.className = "tile";
      picture.alt = `Preview of image ${index + 1}`;
      tile.append(picture);
      return tile;
    });
    this.card.querySelector(".tiles").append(...this.tiles);
    this.cancelButton.addEventListener("click", () => this.cancel());
    this.say("Waiting");
    this.card.classList.add("waiting");
  }

  say(text) {
    this.what.textContent = text;
  }

  /** Follows the job to its end: by its events, or by asking for it while too many others are followed so. */
  async follow() {
    const { signal } = this.stop;
    JobCard.waiting.push(this);
    while (!signal.aborted) {
      try {
        if (JobCard.waiting[0] === this && JobCard.streams < JobCard.streamLimit) {
          JobCard.waiting.shift();
          return await this.read(signal);
        }
        await this.look(signal);
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof ServerError)) throw error;
        if (error.isFinal) return this.fail(error.message);
        this.take({ type: "lost" });
      }
      await pause(1000, signal);
    }
  }

  /** Reads the job's events. */
  async read(signal) {
    JobCard.streams += 1;
    try {
      for await (const event of jobEvents(this.job.id, signal)) await this.take(event);
    } finally {
      JobCard.streams -= 1;
      // If an image did not come, another stream names it again.
      if (!signal.aborted) JobCard.waiting.unshift(this);
    }
  }

  /** Asks once how the job stands. */
  async look(signal) {
    const response = await request(`api/v1/jobs/${this.job.id}`, { signal });
    const { status, images, error, ...standing } = await response.json();
    for (const image of images) await this.take({ type: "image", ...image });
    const type = status === "running" ? "step" : status;
    await this.take({ ...standing, type, message: error });
  }

  async take(event) {
    switch (event.type) {
      case "queued":
        this.progress.removeAttribute("value");
        return this.say(event.position === 0 ? "Waiting: next in the queue"
          : `Waiting: ${event.position} ${event.position === 1 ? "job" : "jobs"} before it`);
      case "step":
        return this.showStep(event);
      case "preview":
        if (!this.missing.has(event.index)) return;
        this.card.classList.remove("waiting");
        return showPicture(this.tiles[event.index].querySelector("img"),
          `data:${event.mime_type};base64,${event.image}`, this.job.size, `Preview of image ${event.index + 1}`);
      case "image":
        return this.fetchImage(event);
      case "done":
        return this.finish();
      case "failed":
        return this.fail(`The server could not draw this: ${event.message}.`);
      case "cancelled":
        announce(`${this.job.name} cancelled.`);
        return this.close();
      case "lost":
        return this.say("Connection lost; trying again");
    }
  }

  showStep({ step, steps, progress, seconds_left: left }) {
    this.progress.value = progress;
    const time = left === null ? "" : `, ${duration(left)} left`;
    const text = `Step ${step}${steps === null ? "" : ` of ${steps}`}${time}`;
    this.say(text);
    document.title = `${Math.floor(100 * progress)} % · dit`;
    // A quarter at a time, or a screen reader would not come to rest.
    const quarter = Math.floor(4 * progress);
    if (quarter > this.announced && quarter < 4) {
      this.announced = quarter;
      announce(`${this.job.name}: ${text}`);
    }
  }

  async fetchImage({ index, id }) {
    if (!this.missing.has(index)) return;
    const response = await request(`api/v1/images/${id}.png`, { signal: this.stop.signal });
    const blob = await response.blob();
    this.missing.delete(index);
    const { settings, time, ...shared } = this.job;
    const image = { ...shared, id, blob, settings: imageSettings(settings, index), time: time - index };
    await this.gallery.add(image);
    this.tiles[index].remove();
    announce(`Image ${settings.n - this.missing.size} of ${settings.n}: ${shared.name}.`);
  }

  finish() {
    if (this.missing.size) return this.fail("The server no longer has all images.");
    this.close();
  }

  /** Stops following the job. */
  leave() {
    this.stop.abort();
    JobCard.waiting = JobCard.waiting.filter((card) => card !== this);
  }

  /** Says why there are no further images; the card stays until it is closed. */
  fail(text) {
    this.leave();
    this.say(text);
    announce(text);
    this.card.classList.add("ended");
    const close = this.cancelButton.cloneNode();
    close.textContent = "Close";
    close.ariaLabel = `Close ${this.job.name}`;
    close.addEventListener("click", () => this.close());
    this.cancelButton.replaceWith(close);
    this.ended(this, false);
  }

  async cancel() {
    this.cancelButton.disabled = true;
    this.say("Cancelling");
    try {
      await request(`api/v1/jobs/${this.job.id}`, { method: "DELETE" });
    } catch (error) {
      if (error.status === 404) return this.fail(error.message);
      this.cancelButton.disabled = false;
      this.say(error.message);
    }
  }

  close() {
    this.leave();
    const hadFocus = this.card.contains(document.activeElement);
    this.card.remove();
    if (hadFocus) document.getElementById("images").focus();
    this.ended(this, true);
  }
}
