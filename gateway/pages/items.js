// What is on sale, and how much of it is left.

import { money } from "/pages/words.js";

const LOW = 0.1; // of what there was when the page was opened

/** The list of items; `onReserve(sku)` is called for a click, and may return a promise. */
export class Items {
  constructor({ list, template, news, onReserve }) {
    Object.assign(this, { list, template, news, onReserve });
    this.definitions = new Map();
  }

  /** Names and prices, where the sale tells them. */
  define({ currency, items }) {
    this.definitions = new Map(items.map((item) => [item.sku, { ...item, currency }]));
  }

  nameOf(sku) {
    return this.definitions.get(sku)?.name ?? sku;
  }

  /** `canBuy`: whether a click could be admitted, as far as this page knows. */
  show(stock, canBuy) {
    for (const { sku, available } of stock.items) {
      const row = this.list.querySelector(`[data-sku="${CSS.escape(sku)}"]`) ?? this.#add(sku);
      this.#fill(row, sku, available);
      row.querySelector("button").disabled = !canBuy || available === 0;
    }
  }

  #add(sku) {
    const row = this.template.content.cloneNode(true).firstElementChild;
    const { price, currency } = this.definitions.get(sku) ?? {};
    row.dataset.sku = sku;
    row.querySelector("h2").textContent = this.nameOf(sku);
    row.querySelector(".price").textContent = currency ? money(price, currency) : "";
    row.querySelector("meter").setAttribute("aria-label", `${this.nameOf(sku)}: units left`);
    const button = row.querySelector("button");
    button.setAttribute("aria-label", `Reserve ${this.nameOf(sku)}`);
    button.onclick = () => this.onReserve(sku, button);
    return this.list.appendChild(row);
  }

  #fill(row, sku, available) {
    const meter = row.querySelector("meter");
    meter.max = Math.max(meter.max, available, 1);
    meter.low = meter.max * LOW;
    meter.value = available;
    row.querySelector(".left").textContent = available ? `${available} left` : "Sold out";
    const wasGone = row.classList.contains("gone");
    row.classList.toggle("gone", available === 0);
    // A screen reader hears of the ends alone: each sold unit would be a flood.
    if (available === 0 && !wasGone) this.news.textContent = `${this.nameOf(sku)} is sold out.`;
    if (available > 0 && wasGone) this.news.textContent = `${this.nameOf(sku)} is back.`;
  }
}
