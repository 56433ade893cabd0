// The buyer's reservations in this sale, kept over reloads, each with its own countdown.

import { duration, secondsUntil, setClock } from "/pages/clock.js";
import { watchOrder } from "/pages/doorbuster.js";
import { money, ORDER_STATES } from "/pages/words.js";

/** `onPay(order, button)` and `onRelease(order, button)` are called for clicks. */
export class Orders {
  constructor({ list, template, buyer, saleId, nameOf, onPay, onRelease }) {
    Object.assign(this, { list, template, buyer, nameOf, onPay, onRelease });
    this.name = `doorbuster:orders:${saleId}`;
    this.orders = new Map();
    this.watched = new Map();
    for (const id of JSON.parse(sessionStorage.getItem(this.name) ?? "[]")) this.#watch(id);
  }

  /** There is a reservation, or there is news of one. */
  put(order) {
    setClock(order.server_time);
    const known = this.orders.get(order.id);
    // Final is final: what was on its way when it was settled tells of the past.
    if (known && known.state !== "held" && order.state === "held") return;
    this.orders.set(order.id, order);
    sessionStorage.setItem(this.name, JSON.stringify([...this.orders.keys()]));
    this.#watch(order.id);
    this.draw();
  }

  #watch(id) {
    if (this.watched.has(id)) return;
    this.watched.set(id, watchOrder(this.buyer, id, { onOrder: (order) => this.put(order) }));
  }

  /** Called each second, too. */
  draw() {
    for (const order of this.orders.values()) this.#fill(this.#row(order.id), order);
  }

  #row(id) {
    const found = this.list.querySelector(`[data-order="${CSS.escape(id)}"]`);
    if (found) return found;
    const row = this.template.content.cloneNode(true).firstElementChild;
    row.dataset.order = id;
    row.querySelector(".pay").onclick = (event) => this.onPay(this.orders.get(id), event.target);
    row.querySelector(".release").onclick = (event) =>
      this.onRelease(this.orders.get(id), event.target);
    this.list.prepend(row);
    return row;
  }

  #fill(row, order) {
    const what = order.lines.map((line) => `${line.quantity} × ${this.nameOf(line.sku)}`).join(", ");
    row.querySelector(".what").textContent = what;
    row.querySelector(".total").textContent = money(order.total, order.currency);
    row.querySelector(".state").textContent = this.#state(order);
    row.dataset.state = order.state;
    row.querySelector(".choice").hidden = order.state !== "held";
    for (const button of row.querySelectorAll("button")) {
      button.setAttribute("aria-label", `${button.textContent} ${what}`);
    }
  }

  #state(order) {
    if (order.state !== "held") return ORDER_STATES[order.state] ?? order.state;
    const seconds = secondsUntil(order.expires_at);
    // The ledger ends a hold, no clock: until it has, it can still be paid.
    return seconds ? `reserved, ${duration(seconds)} left to pay` : "the time is up";
  }
}
