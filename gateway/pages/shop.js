// The storefront of a sale, put together. A shop replaces what it knows better: who the customer is
// (`login`), and how money changes hands (`pay`). Both are stand-ins here, and exist in a demo alone.

import { duration, secondsUntil, setClock } from "/pages/clock.js";
import { Customer, forgetKey, keptKey, watchStock } from "/pages/doorbuster.js";
import { Items } from "/pages/items.js";
import { Orders } from "/pages/orders.js";
import { LINES, sentence, STATES } from "/pages/words.js";

const $ = (id) => document.getElementById(id);
const tell = (text) => ($("answer").textContent = text);

// --- The customer --------------------------------------------------------------------------------

const LOGIN = "doorbuster:login";

/** A token for somebody whom nobody has met yet; the same one until the browser is closed. */
async function login() {
  const kept = sessionStorage.getItem(LOGIN);
  if (kept) return JSON.parse(kept);
  const response = await fetch("/demo/token");
  if (!response.ok) return null;
  const customer = await response.json();
  sessionStorage.setItem(LOGIN, JSON.stringify(customer));
  return customer;
}

const buyer = new Customer({ token: async () => (await login())?.token ?? "" });

/** The shop's own payment page would be here; its server confirms, never the browser. */
const payment = (order) =>
  buyer.send("POST", "/demo/pay", { body: { reservation_id: order.id } });

// --- The sale ------------------------------------------------------------------------------------

class Shop {
  constructor(saleId, isCustomer) {
    this.saleId = saleId;
    this.isCustomer = isCustomer;
    this.stock = null;
    this.sale = null;
    this.line = "connecting";
    this.items = new Items({
      list: $("items"),
      template: $("item"),
      news: $("news"),
      onReserve: (sku, button) => busy(button, () => this.reserve(sku)),
    });
    this.orders = new Orders({
      list: $("orders"),
      template: $("order"),
      buyer,
      saleId,
      nameOf: (sku) => this.items.nameOf(sku),
      onPay: (order, button) => busy(button, () => this.pay(order)),
      onRelease: (order, button) => busy(button, () => this.release(order)),
    });
  }

  async start() {
    await this.read();
    watchStock(this.saleId, {
      onStock: (stock) => this.show(stock),
      onLine: (line) => this.connected(line),
      onClock: setClock,
    });
    setInterval(() => this.tick(), 1000);
  }

  /** Names, prices and times; without them the stock alone is shown. */
  async read() {
    const response = await fetch(`/v1/sales/${encodeURIComponent(this.saleId)}`).catch(() => null);
    if (!response?.ok) return;
    this.sale = await response.json();
    this.items.define(this.sale);
    $("name").textContent = this.sale.name || this.saleId;
    document.title = `${$("name").textContent} · Doorbuster`;
  }

  show(stock) {
    const isOther = this.stock && this.stock.state !== stock.state;
    this.stock = stock;
    if (isOther) this.read().then(() => this.tick()); // a window may have moved with it
    $("state").textContent = STATES[stock.state] ?? stock.state;
    $("state").dataset.state = stock.state;
    this.items.show(stock, this.canBuy);
    this.tick();
  }

  get canBuy() {
    return this.isCustomer && this.stock?.state === "open" && this.line !== "offline";
  }

  connected(line) {
    this.line = line;
    $("line").textContent = LINES[line] ?? line;
    $("line").dataset.line = line;
    const isOld = line === "offline" || line === "reconnecting";
    $("notice").hidden = !isOld || !this.stock;
    $("items").classList.toggle("old", isOld);
    if (this.stock && isOld) {
      const time = new Date(this.stock.server_time).toLocaleTimeString();
      const why = line === "offline" ? "You are offline" : "Reconnecting";
      $("notice").textContent = `${why}. These numbers are from ${time}.`;
    }
    if (this.stock) this.items.show(this.stock, this.canBuy);
  }

  tick() {
    this.orders.draw();
    const { opens_at: opens, closes_at: closes } = this.sale ?? {};
    const state = this.stock?.state;
    const words =
      state === "scheduled" && opens ? `opens in ${duration(secondsUntil(opens))}`
      : state === "open" && closes ? `ends in ${duration(secondsUntil(closes))}`
      : "";
    $("countdown").textContent = words;
  }

  // What a click does. A wish keeps its key until its outcome is certain, over reloads too.

  async reserve(sku) {
    const wish = `${this.saleId}/${sku}`;
    const answer = await buyer.checkout(this.saleId, { [sku]: 1 }, keptKey(wish));
    if (answer.outcome !== "unknown") forgetKey(wish);
    if (answer.outcome === "reserved") this.orders.put(answer.reservation);
    if (answer.status === 401) sessionStorage.removeItem(LOGIN); // too old: the next one is new
    tell(sentence(answer, "Reserved: it is yours until the time is up."));
  }

  async pay(order) {
    const reply = await payment(order);
    if (reply?.status === 200) this.orders.put(reply.body);
    if (!reply || reply.status >= 500) tell("No answer yet. Press again: you pay once.");
    else tell(reply.status === 200 ? "Paid. Thank you!" : sentence(refusal(reply)));
  }

  async release(order) {
    const answer = await buyer.release(order.id);
    if (answer.outcome === "reserved") this.orders.put(answer.reservation);
    tell(sentence(answer, "Released."));
  }
}

const refusal = ({ body }) => ({ outcome: "refused", code: body.code, problem: body });

/** One click at a time on a button, and visibly so. */
async function busy(button, work) {
  if (button.getAttribute("aria-busy") === "true") return;
  button.setAttribute("aria-busy", "true");
  try {
    await work();
  } finally {
    button.removeAttribute("aria-busy");
  }
}

const customer = await login().catch(() => null);
const saleId = new URLSearchParams(location.search).get("sale") ?? customer?.sale_id;
if (saleId) new Shop(saleId, customer !== null).start();
else tell("There is no demo here. Add ?sale= and a sale's id to watch its stock.");
