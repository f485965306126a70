"use strict";

/**
 * The search for a class: an editable combobox with a list, as the ARIA Authoring Practices have it.
 *
 * Classes are `{ id, name, synonyms }`; `value` is the chosen one, or null.
 */
class ClassPicker {
  /** Matches shown at most. */
  static limit = 60;

  constructor() {
    this.input = document.getElementById("class");
    this.list = document.getElementById("class-list");
    this.button = document.getElementById("class-open");
    this.classes = [];
    this.value = null;
    this.shown = [];
    this.active = -1;

    this.input.addEventListener("input", () => this.open(this.input.value));
    this.input.addEventListener("focus", () => this.input.select());
    this.input.addEventListener("click", () => this.open(""));
    this.input.addEventListener("keydown", (event) => this.press(event));
    this.input.addEventListener("blur", () => this.leave());
    // Keeps the focus in the text field.
    for (const part of [this.list, this.button]) {
      part.addEventListener("pointerdown", (event) => event.preventDefault());
    }
    this.list.addEventListener("click", (event) => {
      const option = event.target.closest("[role=option]");
      if (option?.dataset.id) this.choose(this.find(option.dataset.id));
    });
    this.button.addEventListener("click", () => {
      this.input.focus();
      if (this.isOpen) this.close();
      else this.open("");
    });
  }

  /** The class of a number. */
  find(id) {
    return this.classes.find((one) => String(one.id) === String(id));
  }

  get isOpen() {
    return !this.list.hidden;
  }

  /** The classes that fit a text, the best first. */
  matches(text) {
    const wanted = plain(text);
    if (!wanted) return this.classes.map((one) => ({ one }));
    const found = [];
    for (const one of this.classes) {
      const names = [one.name, ...one.synonyms].map(plain);
      let rank = String(one.id) === wanted ? 0 : Infinity;
      let also;
      names.forEach((name, index) => {
        const grade =
          name === wanted ? 1 : name.startsWith(wanted) ? 2 : ` ${name}`.includes(` ${wanted}`) ? 3
            : name.includes(wanted) ? 4 : Infinity;
        // The name before its synonyms.
        if (2 * grade + (index > 0) < rank) {
          rank = 2 * grade + (index > 0);
          also = index > 0 ? one.synonyms[index - 1] : undefined;
        }
      });
      if (rank < Infinity) found.push({ one, also, rank });
    }
    return found.sort((left, right) => left.rank - right.rank || left.one.id - right.one.id);
  }

  open(text) {
    const found = this.matches(text);
    this.shown = found.slice(0, ClassPicker.limit);
    const rows = this.shown.map(({ one, also }, index) => {
      const row = document.createElement("li");
      row.role = "option";
      row.id = `class-option-${index}`;
      row.dataset.id = one.id;
      row.append(one.name, small(one.id));
      if (also) row.append(small(also, "also"));
      return row;
    });
    if (found.length !== this.shown.length || !found.length) {
      const row = document.createElement("li");
      row.role = "option";
      row.ariaDisabled = "true";
      row.textContent = found.length ? `and ${found.length - this.shown.length} more` : "No class has such a name";
      rows.push(row);
    }
    this.list.replaceChildren(...rows);
    this.list.hidden = false;
    this.input.ariaExpanded = this.button.ariaExpanded = "true";
    const current = this.shown.findIndex(({ one }) => one === this.value);
    this.activate(text ? (this.shown.length ? 0 : -1) : current);
  }

  close() {
    this.list.hidden = true;
    this.input.ariaExpanded = this.button.ariaExpanded = "false";
    this.activate(-1);
  }

  /** Marks the option that Enter takes. */
  activate(index) {
    this.active = index;
    for (const [place, row] of [...this.list.children].entries()) {
      row.ariaSelected = String(place === index);
    }
    if (index < 0) {
      this.input.removeAttribute("aria-activedescendant");
    } else {
      this.input.setAttribute("aria-activedescendant", `class-option-${index}`);
      this.list.children[index].scrollIntoView({ block: "nearest" });
    }
  }

  press(event) {
    const count = this.shown.length;
    const move = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10 }[event.key];
    if (move) {
      event.preventDefault();
      if (!this.isOpen) this.open("");
      else if (Math.abs(move) > 1) this.activate(Math.min(Math.max(this.active + move, 0), count - 1));
      else if (count) this.activate((Math.max(this.active, move > 0 ? -1 : 0) + move + count) % count);
    } else if (event.key === "Enter" && this.isOpen) {
      event.preventDefault();
      if (this.active >= 0) this.choose(this.shown[this.active].one);
    } else if (event.key === "Escape") {
      if (this.isOpen) this.close();
      else this.input.value = "";
      event.preventDefault();
    }
  }

  choose(one) {
    this.value = one;
    this.input.value = one.name;
    this.input.ariaInvalid = "false";
    this.close();
  }

  /** Takes what was typed, if it stands for one class. */
  leave() {
    this.close();
    if (this.value && this.input.value === this.value.name) return;
    const text = plain(this.input.value);
    const same = this.classes.filter(({ id, name, synonyms }) =>
      text === String(id) || [name, ...synonyms].some((other) => plain(other) === text));
    if (same.length === 1) this.choose(same[0]);
    else this.value = null;
  }
}

/** A text in lower case, without accents and outer spaces. */
function plain(text) {
  return text.normalize("NFD").replace(/\p{M}/gu, "").trim().toLowerCase();
}

function small(text, name) {
  const element = document.createElement("small");
  element.textContent = text;
  if (name) element.className = name;
  return element;
}
