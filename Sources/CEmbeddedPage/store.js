"use strict";

/**
 * The gallery as the browser keeps it: images with their settings in IndexedDB, the oldest given up first.
 *
 * An image is `{ id, name, size, model, isBuiltIn, settings, time, blob }`. Where the browser keeps nothing, images last until the page
 * is closed.
 */
const store = {
  imageLimit: 300,
  byteLimit: 256 * 2 ** 20,
  database: null,
  /** Images in order, the newest first. */
  images: [],

  /** Opens the database and reads all images. */
  async open() {
    try {
      const opening = indexedDB.open("dit", 1);
      opening.onupgradeneeded = () => opening.result.createObjectStore("images", { keyPath: "id" });
      this.database = await settled(opening);
      this.database.onversionchange = () => this.database.close();
      this.images = await settled(this.table("readonly").getAll());
      this.images.sort((one, other) => other.time - one.time);
    } catch {
      this.database = null;
    }
  },

  get isLasting() {
    return this.database !== null;
  },

  table(mode) {
    return this.database.transaction("images", mode).objectStore("images");
  },

  /** Adds an image, and returns those that gave way to it. */
  async add(image) {
    this.images = [image, ...this.images.filter((other) => other.id !== image.id)];
    this.images.sort((one, other) => other.time - one.time);
    const gone = [];
    const bytes = () => this.images.reduce((sum, { blob }) => sum + blob.size, 0);
    while (this.images.length > 1 && (this.images.length > this.imageLimit || bytes() > this.byteLimit)) {
      gone.push(this.images.pop());
    }
    if (this.database) {
      await Promise.all(gone.map(({ id }) => settled(this.table("readwrite").delete(id))));
      await settled(this.table("readwrite").put(image));
    }
    return gone;
  },

  async remove(id) {
    this.images = this.images.filter((image) => image.id !== id);
    if (this.database) await settled(this.table("readwrite").delete(id));
  },

  async clear() {
    this.images = [];
    if (this.database) await settled(this.table("readwrite").clear());
  },
};

/** The result of a request of IndexedDB. */
function settled(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** A value that outlives a reload; nothing where the browser keeps nothing. */
const memory = {
  get(key, fallback) {
    try {
      return JSON.parse(localStorage.getItem(key)) ?? fallback;
    } catch {
      return fallback;
    }
  },

  set(key, value) {
    try {
      localStorage.setItem(key, JSON.stringify(value));
    } catch {
      // The page works without.
    }
  },
};
