// What waits for somebody: alarms that nobody has acknowledged, and records that the ledger refused.

import { count, moment } from "/pages/console-words.js";
import { button, copy, match } from "/pages/rows.js";

/** A list with its count; `buttons` are `[text, onClick(thing, button)]`. */
export class Duties {
  constructor({ list, counter, nothing, describe, buttons }) {
    Object.assign(this, { list, counter, nothing, describe, buttons });
  }

  /** `total` is how many there are, of which `things` are the newest. */
  show(things, total = things.length) {
    this.counter.textContent = total ? count(total) : this.nothing;
    match(this.list, things, {
      key: ({ id }) => id,
      make: (thing) => this.#make(thing),
      fill: (row, thing) => this.#fill(row, thing),
    });
  }

  #make(thing) {
    const row = copy("duty");
    const buttons = this.buttons.map(([text, onClick]) => {
      const made = button(text, (it) => onClick(thing, it));
      made.setAttribute("aria-label", `${text} ${thing.kind} ${thing.id}`);
      return made;
    });
    row.querySelector(".choice").append(...buttons);
    return row;
  }

  #fill(row, thing) {
    const { title, at, words } = this.describe(thing);
    row.querySelector("strong").textContent = title;
    row.querySelector(".when").textContent = moment(at);
    row.querySelector(".what").textContent = words;
  }
}
