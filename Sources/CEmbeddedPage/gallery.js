"use strict";

/** The images that this browser keeps, as tiles, and one of them large with its settings. */
class Gallery {
  /** `use` takes the settings that the user wants again. */
  constructor(use) {
    this.use = use;
    this.list = document.getElementById("gallery");
    this.details = document.getElementById("details");
    this.shown = null;
    this.addresses = new Map();

    this.details.addEventListener("click", (event) => {
      if (event.target === this.details) this.details.close();
      const action = event.target.closest("[data-do]");
      if (action) this.act(action.dataset.do, action);
    });
    this.details.addEventListener("keydown", (event) => {
      const move = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (move) this.move(move);
    });
    this.details.addEventListener("close", () => this.tile(this.shown)?.querySelector("button").focus());
    document.getElementById("clear").addEventListener("click", () => this.askToClear());
    this.question = document.getElementById("ask-clear");
    this.question.addEventListener("close", () => this.question.returnValue === "clear" && this.clear());
  }

  async begin() {
    await store.open();
    this.list.append(...store.images.map((image) => this.makeTile(image)));
    this.count();
  }

  async add(image) {
    const tile = this.tile(image);
    if (tile) return;
    try {
      for (const gone of await store.add(image)) this.drop(gone);
    } catch {
      announce("The browser has no room to keep this image. Download it, or clear the gallery.");
    }
    const place = store.images.findIndex(({ id }) => id === image.id);
    this.list.insertBefore(this.makeTile(image), this.list.children[place] ?? null);
    this.count();
  }

  tile(image) {
    return image && [...this.list.children].find((tile) => tile.dataset.id === image.id);
  }

  address(image) {
    if (!this.addresses.has(image.id)) this.addresses.set(image.id, URL.createObjectURL(image.blob));
    return this.addresses.get(image.id);
  }

  makeTile(image) {
    const tile = document.getElementById("tile-template").content.cloneNode(true).firstElementChild;
    const title = `${image.name}, seed ${image.settings.seed}`;
    tile.dataset.id = image.id;
    const picture = tile.querySelector("img");
    showPicture(picture, this.address(image), image.size, title);
    picture.loading = "lazy";
    tile.querySelector(".name").textContent = image.name;
    tile.querySelector(".number").textContent = image.settings.seed;
    tile.querySelector(".caption").title = title;
    tile.querySelector(".picture").addEventListener("click", () => this.open(image));
    const use = tile.querySelector(".use");
    use.ariaLabel = `Use the settings of ${title}`;
    use.addEventListener("click", () => this.use(image.settings));
    const copy = tile.querySelector(".copy");
    copy.ariaLabel = `Copy the settings of ${title}`;
    copy.addEventListener("click", () => copyText(settingsJSON(image.settings, 2), "Settings copied."));
    const save = tile.querySelector(".save");
    save.ariaLabel = `Download ${title}`;
    save.href = this.address(image);
    save.download = fileName(image);
    return tile;
  }

  /** Takes an image out of the page. */
  drop(image) {
    this.tile(image)?.remove();
    URL.revokeObjectURL(this.addresses.get(image.id));
    this.addresses.delete(image.id);
  }

  count() {
    const count = store.images.length;
    document.getElementById("empty").hidden = count > 0 || document.getElementById("jobs").childElementCount > 0;
    document.getElementById("clear").hidden = count === 0;
    const full = count >= store.imageLimit ? "; the oldest give way" : "";
    document.getElementById("kept").textContent =
      count === 0 ? "" : store.isLasting ? `${count} kept in this browser${full}`
        : `${count} until the page is closed: this browser keeps nothing`;
  }

  askToClear() {
    const count = store.images.length;
    document.getElementById("clear-text").textContent = count === 1
      ? "The image and its settings will be gone from this browser."
      : `${count} images and their settings will be gone from this browser.`;
    this.question.returnValue = "";
    this.question.showModal();
  }

  async clear() {
    const { images } = store;
    await store.clear();
    for (const image of images) this.drop(image);
    this.count();
    announce("The gallery is empty.");
    document.getElementById("images").focus();
  }

  open(image) {
    this.shown = image;
    const { settings, name, size, time } = image;
    document.getElementById("details-title").textContent = name;
    showPicture(this.details.querySelector("img"), this.address(image), size, `${name}, seed ${settings.seed}`);
    const { prompt, n, seed, sampler, steps, guidance_scale: guidance, ...others } = settings;
    const rows = [
      ["Class", `${name} (${prompt})`], ["Seed", seed], ["Sampler", sampler], ["Steps", steps ?? "adaptive"],
      ["Guidance", guidance], ...Object.entries(others).filter(([, value]) => value !== null).map(optionRow),
      ["Size", `${size} × ${size}`], ["Model", image.model],
      ["Drawn", new Date(time).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" })],
    ];
    this.details.querySelector("dl").replaceChildren(...rows.flatMap(([term, text]) => {
      const [dt, dd] = [document.createElement("dt"), document.createElement("dd")];
      [dt.textContent, dd.textContent] = [term, text];
      return [dt, dd];
    }));
    if (!this.details.open) this.details.showModal();
  }

  move(step) {
    const place = store.images.findIndex(({ id }) => id === this.shown.id) + step;
    if (store.images[place]) this.open(store.images[place]);
  }

  act(action, button) {
    const image = this.shown;
    switch (action) {
      case "close":
        return this.details.close();
      case "use":
        this.details.close();
        return this.use(image.settings);
      case "json":
        return copyText(settingsJSON(image.settings, 2), "Settings copied.", button);
      case "command":
        return copyText(settingsCommand(image.settings, image.isBuiltIn ? null : image.model), "Command copied.", button);
      case "save":
        return this.tile(image).querySelector(".save").click();
      case "remove":
        this.details.close();
        this.drop(image);
        announce("Image removed.");
        document.getElementById("images").focus();
        return store.remove(image.id).then(() => this.count());
    }
  }
}

/** The name and value of an option that the form has no field for. */
function optionRow([key, value]) {
  const name = key.replaceAll("_", " ");
  return [name.charAt(0).toUpperCase() + name.slice(1), String(value)];
}

/** Shows an image; a small one with its pixels as squares. */
function showPicture(picture, address, size, text) {
  picture.src = address;
  picture.alt = text;
  picture.classList.toggle("small", size <= 128);
}

function fileName({ name, settings }) {
  return `${name.replace(/[^\p{L}\p{N}]+/gu, "-")}-${settings.seed}.png`;
}

/** Copies a text; shows it where the browser does not let pages copy. */
async function copyText(text, done, button) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = document.getElementById("text");
    area.value = text;
    document.getElementById("show-text").showModal();
    area.select();
    return;
  }
  announce(done);
  if (!button || button.dataset.text) return;
  button.dataset.text = button.textContent;
  button.textContent = "Copied";
  await pause(1500);
  button.textContent = button.dataset.text;
  delete button.dataset.text;
}

/** Tells users of a screen reader. */
function announce(text) {
  const region = document.getElementById("announcer");
  region.textContent = "";
  requestAnimationFrame(() => (region.textContent = text));
}
