// One outlet's tile, of the floor or of a wall: its parts are looked up once, for hundreds of tiles change every second.

import { set, setAttribute, setIcon } from "./dom.js";

export class Tile {
  #parts;

  constructor(node) {
    this.node = node;
    const part = (selector) => node.querySelector(selector);
    this.#parts = {
      duration: part(".dur"), word: part(".word"), icon: part(".st .i"), note: part(".note"), age: part(".age"),
    };
  }

  static all() {
    return new Map([...document.querySelectorAll(".tile")].map((node) => [node.dataset.outlet, new Tile(node)]));
  }

  // `shown`: what floor.tile() says of the outlet. `age`: of its evidence, in words.
  render(shown, age = shown.age) {
    const { duration, word, icon, note } = this.#parts;
    setAttribute(this.node, "data-state", shown.status);
    setAttribute(this.node, "data-alert", shown.phase || null);
    set(duration, shown.duration);
    set(word, shown.word);
    setIcon(icon, `st-${shown.status}`);
    set(this.#parts.age, age);
    if (note === null) return;
    note.hidden = shown.note === "";
    setIcon(note.firstElementChild, shown.noteIcon);
    set(note.lastElementChild, shown.note);
  }
}
