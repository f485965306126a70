"use strict";

/**
 * Settings are the fields of a request of the server's native API, which `POST api/v1/jobs` takes again.
 *
 * The seed, a number below 2^64, is a text, because numbers of JavaScript are exact only up to 2^53.
 */

/** Settings as JSON, with the seed in all digits. */
function settingsJSON(settings, indent) {
  const { seed, ...others } = settings;
  return JSON.stringify({ ...others, seed: "<seed>" }, null, indent).replace('"<seed>"', seed);
}

/** The settings of one image of a request. */
function imageSettings(settings, index) {
  return { ...settings, n: 1, seed: BigInt.asUintN(64, BigInt(settings.seed) + BigInt(index)).toString() };
}

/** The command line that draws the same image; `model` names the checkpoint, null the built-in one. */
function settingsCommand({ prompt, n, seed, sampler, steps, guidance_scale, ...others }, model) {
  const parts = ["dit sample"];
  if (model) parts.push(`--dit-checkpoint ${shellWord(model)}`);
  parts.push(`--class-labels ${shellWord(String(prompt))}`, `--seed ${seed}`, `--sampler ${shellWord(sampler)}`);
  if (steps !== null) parts.push(`--sampling-steps ${steps}`);
  parts.push(`--guidance-scale ${guidance_scale}`);
  for (const [key, value] of Object.entries(others)) {
    if (value === null) continue;
    parts.push(`--${key.replaceAll("_", "-")} ${shellWord(String(value))}`);
  }
  return parts.join(" ");
}

function shellWord(text) {
  return /^[\w./:=+,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** The form of settings. */
class SettingsForm {
  constructor() {
    this.form = document.getElementById("form");
    this.picker = new ClassPicker();
    for (const name of ["sampler", "steps", "guidance", "count", "seed", "random"]) {
      this[name] = document.getElementById(name);
    }
    this.hint = document.getElementById("others");
    this.error = document.getElementById("form-error");
    /** Options of the settings in use that the form has no field for. */
    this.others = {};
    this.sampler.addEventListener("change", () => {
      this.setOthers({});
      this.showSteps(null);
    });
    this.form.addEventListener("input", () => this.say(""));
    this.random.addEventListener("change", () => this.showSeed());
  }

  /** Fills the form for the server's model. */
  begin(capabilities, classes) {
    this.capabilities = capabilities;
    this.picker.classes = classes;
    // Typed while the model was loaded.
    const typed = this.picker.value ? "" : this.picker.input.value;
    const [early] = plain(typed) ? this.picker.matches(typed) : [];
    const { samplers, limits } = capabilities;
    this.sampler.replaceChildren(...samplers.map(({ name }) => new Option(name, name)));
    this.count.max = limits.images_per_job;
    document.getElementById("class-hint").textContent =
      classes.length === 1 ? "The model has one class." : `The model has ${classes.length} classes.`;
    const { model, ...last } = memory.get("form", {});
    this.use({ prompt: 0, ...capabilities.defaults, ...(model === capabilities.model.id ? last : {}) });
    if (early) this.picker.choose(early.one);
    this.random.checked = last.random ?? true;
    if (this.random.checked) this.seed.value = "";
    this.showSeed();
  }

  /** Shows settings, with the seed where they have one. */
  use({ prompt, n, seed, sampler, steps, guidance_scale, random, ...others }) {
    const { samplers, defaults } = this.capabilities;
    const one = this.picker.find(prompt) ?? this.picker.classes[0];
    if (one) this.picker.choose(one);
    const known = samplers.find(({ name }) => name === sampler)?.name ?? defaults.sampler;
    this.sampler.value = known;
    this.showSteps(known === sampler ? steps : null);
    this.guidance.value = guidance_scale;
    this.count.value = n;
    this.random.checked = false;
    this.seed.value = seed;
    this.showSeed();
    this.setOthers(known === sampler ? this.differing(others) : {});
    this.say("");
  }

  /** The options that the form has no field for and that are not the server's own. */
  differing(options) {
    const { defaults, options: schemas } = this.capabilities;
    const pairs = Object.entries(options).filter(([key, value]) =>
      value !== null && key in schemas && JSON.stringify(value) !== JSON.stringify(defaults[key]));
    return Object.fromEntries(pairs);
  }

  setOthers(options) {
    this.others = options;
    const rows = Object.entries(options).map((option) => optionRow(option).join(" "));
    this.hint.textContent = rows.length ? `Also: ${rows.join(", ")}.` : "";
  }

  /** Shows a number of steps; null for the sampler's own. */
  showSteps(steps) {
    const own = this.capabilities.samplers.find(({ name }) => name === this.sampler.value)?.steps;
    this.steps.disabled = own === null;
    this.steps.placeholder = own === null ? "adaptive" : "";
    this.steps.value = own === null ? "" : (steps ?? own);
  }

  showSeed() {
    this.seed.disabled = this.random.checked;
  }

  /** The settings for a request; null, with a message, if something is missing. */
  read() {
    this.picker.leave();
    this.say("");
    if (!this.picker.value) return this.refuse("prompt", "Choose a class from the list.");
    if (this.random.checked) this.seed.value = crypto.getRandomValues(new Uint32Array(1))[0];
    const seed = this.seed.value.trim();
    if (!/^\d{1,20}$/.test(seed) || BigInt(seed) >= 2n ** 64n) {
      return this.refuse("seed", "A seed is a whole number from 0 to 18446744073709551615.");
    }
    const number = (field) => (field.value === "" ? NaN : Number(field.value));
    const count = number(this.count);
    const { images_per_job: limit } = this.capabilities.limits;
    if (!Number.isInteger(count) || count < 1 || count > limit) {
      return this.refuse("n", `One request draws 1 to ${limit} images.`);
    }
    const steps = number(this.steps);
    if (!this.steps.disabled && !Number.isInteger(steps)) return this.refuse("steps", "Give a number of steps.");
    const guidance = number(this.guidance);
    if (!Number.isFinite(guidance)) return this.refuse("guidance_scale", "Give the guidance as a number.");
    const settings = {
      ...this.others, prompt: this.picker.value.id, n: count, sampler: this.sampler.value, guidance_scale: guidance,
      seed: BigInt(seed).toString(),
    };
    if (!this.steps.disabled) settings.steps = steps;
    memory.set("form", { ...settings, random: this.random.checked, model: this.capabilities.model.id });
    return settings;
  }

  /** Says what is wrong with a field, and goes there. */
  refuse(field, text) {
    const inputs = {
      prompt: this.picker.input, n: this.count, seed: this.seed, steps: this.steps, sampler: this.sampler,
      guidance_scale: this.guidance,
    };
    this.say(text);
    const input = inputs[field];
    if (input) {
      input.ariaInvalid = "true";
      input.setAttribute("aria-errormessage", "form-error");
      if (!input.disabled) input.focus();
    }
    return null;
  }

  say(text) {
    this.error.textContent = text;
    for (const input of this.form.querySelectorAll("[aria-invalid]")) {
      input.removeAttribute("aria-invalid");
      input.removeAttribute("aria-errormessage");
    }
  }
}
