"use strict";

/**
 * A job of the server, as a card with previews, until its images are in the gallery.
 *
 * It is `{ id, name, size, model, settings, time }`, kept over a reload: the card follows it again.
 */
class JobCard {
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
  }

  say(text) {
    this.what.textContent = text;
  }

  /** Follows the job to its end. */
  async follow() {
    const { signal } = this.stop;
    while (!signal.aborted) {
      try {
        for await (const event of jobEvents(this.job.id, signal)) await this.take(event);
        return;
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof ServerError)) throw error;
        if (error.isFinal) return this.fail(error.message);
        // An image did not come; the next stream names it again.
        await this.take({ type: "lost" });
        await pause(1000, signal);
      }
    }
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
        return showPicture(this.tiles[event.index].querySelector("img"),
          `data:${event.mime_type};base64,${event.image}`, this.job.size, `Preview of image ${event.index + 1}`);
      case "image":
        return this.fetchImage(event);
      case "done":
        return this.finish();
      case "failed":
        return this.fail(`The server could not draw this: ${sentence(event.message)}`);
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
    const { name, size, model, settings, time } = this.job;
    const image = { id, name, size, model, blob, settings: imageSettings(settings, index), time: time - index };
    await this.gallery.add(image);
    this.tiles[index].remove();
    announce(`Image ${settings.n - this.missing.size} of ${settings.n}: ${name}.`);
  }

  finish() {
    if (this.missing.size) return this.fail("The server no longer has all images.");
    this.close();
  }

  /** Says why there are no further images; the card stays until it is closed. */
  fail(text) {
    this.stop.abort();
    this.say(text);
    announce(text);
    this.card.classList.add("ended");
    for (const index of this.missing) this.tiles[index].remove();
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
    this.stop.abort();
    const hadFocus = this.card.contains(document.activeElement);
    this.card.remove();
    if (hadFocus) document.getElementById("images").focus();
    this.ended(this, true);
  }
}
