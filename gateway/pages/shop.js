// The storefront of the demo sale, and an example of how a browser talks to the gateway.

const $ = (id) => document.getElementById(id);
const kept = {
  get: (name) => JSON.parse(sessionStorage.getItem(name)),
  set: (name, value) => sessionStorage.setItem(name, JSON.stringify(value)),
  drop: (name) => sessionStorage.removeItem(name),
};
const pause = (seconds) => new Promise((done) => setTimeout(done, seconds * 1000));

let sale = new URLSearchParams(location.search).get("sale"); // the demo's by default
let items = new Map(); // sku -> name and price, where the sale tells them
let seen = { epoch: -1, version: -1 };
let aheadMs = 0; // of our clock, by the server's time

async function call(method, path, body, headers = {}) {
  const init = { method, headers: { ...headers } };
  if (body !== undefined) {
    init.body = JSON.stringify(body);
    init.headers["Content-Type"] = "application/json";
  }
  for (let tries = 1; ; tries += 1) {
    const response = await fetch(path, init);
    // 503 promises that nothing happened; 202 and Retry-After ask for patience.
    if (![202, 503].includes(response.status) || tries === 5) return response;
    await pause(Number(response.headers.get("Retry-After") ?? 1));
  }
}

async function authorization() {
  if (!kept.get("customer")) kept.set("customer", await (await call("GET", "/demo/token")).json());
  return { Authorization: `Bearer ${kept.get("customer").token}` };
}

// Stock

function watch() {
  const source = new EventSource(`/v1/sales/${encodeURIComponent(sale)}/events`);
  for (const kind of ["snapshot", "stock"]) {
    source.addEventListener(kind, (event) => show(JSON.parse(event.data)));
  }
  source.addEventListener("heartbeat", (event) => setClock(JSON.parse(event.data)));
  source.onopen = () => ($("line").textContent = "live");
  source.onerror = () => {
    const over = source.readyState === EventSource.CLOSED;
    $("line").textContent = over ? "the stream has ended" : "reconnecting";
  };
}

function setClock({ server_time }) {
  aheadMs = Date.now() - Date.parse(server_time);
}

function show(stock) {
  setClock(stock);
  // A state that the clock changes comes with the version that was there before.
  if (stock.epoch < seen.epoch) return;
  if (stock.epoch === seen.epoch && stock.version < seen.version) return;
  seen = stock;
  $("state").textContent = stock.state;
  for (const { sku, available } of stock.items) showItem(sku, available, stock.state);
}

function showItem(sku, available, state) {
  const row = document.querySelector(`[data-sku="${CSS.escape(sku)}"]`) ?? newRow(sku);
  const meter = row.querySelector("meter");
  meter.max = Math.max(meter.max, available, 1);
  meter.value = available;
  row.querySelector(".left").textContent = available ? `${available} left` : "sold out";
  row.querySelector("button").disabled = !available || state !== "open" || !kept.get("customer");
  row.classList.toggle("gone", !available);
}

function newRow(sku) {
  const row = $("item").content.cloneNode(true).firstElementChild;
  const { name = sku, price } = items.get(sku) ?? {};
  row.dataset.sku = sku;
  row.querySelector("strong").textContent = name;
  row.querySelector(".price").textContent = price ?? "";
  row.querySelector("button").setAttribute("aria-label", `Reserve ${name}`);
  row.querySelector("button").onclick = (event) => busy(event.target, () => reserve(sku));
  return $("items").appendChild(row);
}

// The order

async function reserve(sku) {
  // The same key until there is an answer: whatever was lost on the way, it is one reservation.
  const name = `key:${sale}:${sku}`;
  if (!kept.get(name)) kept.set(name, newKey());
  const headers = { ...(await authorization()), "Idempotency-Key": kept.get(name) };
  const lines = [{ sku, quantity: 1 }];
  const response = await call("POST", `/v1/sales/${sale}/checkout`, { lines }, headers);
  const body = await response.json();
  if (response.status === 401) kept.drop("customer"); // its token is too old: the next try gets one
  if (![202, 401, 503].includes(response.status)) kept.drop(name);
  if (response.ok && response.status !== 202) kept.set("reservation", body);
  tell(response.ok ? "Reserved: it is yours until the time is up." : problem(body));
}

const settle = (path, body, success) => async () => {
  const { id } = kept.get("reservation");
  const response = await call("POST", path(id), body(id), await authorization());
  const answer = await response.json();
  if (response.ok) kept.set("reservation", answer);
  tell(response.ok ? success : problem(answer));
};
const pay = settle(() => "/demo/pay", (id) => ({ reservation_id: id }), "Paid. Thank you!");
const release = settle((id) => `/v1/reservations/${id}/release`, () => undefined, "Released.");

function showReservation() {
  const held = kept.get("reservation");
  $("reservation").hidden = !held;
  if (!held) return;
  const left = Math.round((Date.parse(held.expires_at) - Date.now() + aheadMs) / 1000);
  const clock = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
  const state = held.state === "held" && left > 0 ? `held, ${clock} left to pay` : held.state;
  const what = held.lines.map((line) => `${line.quantity} × ${items.get(line.sku)?.name ?? line.sku}`);
  $("what").textContent = `${what.join(", ")} for ${money(held.total, held.currency)}: ${state}`;
  $("choice").hidden = held.state !== "held";
}

// Words

const tell = (text) => ($("answer").textContent = text);
const problem = ({ title, detail }) => (detail ? `${title}: ${detail}` : title);

function money(minorUnits, currency) {
  const format = new Intl.NumberFormat(undefined, { style: "currency", currency });
  return format.format(minorUnits / 10 ** format.resolvedOptions().maximumFractionDigits);
}

function newKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16)).join("-");
}

async function busy(button, work) {
  button.setAttribute("aria-busy", "true");
  try {
    await work();
  } catch {
    tell("No answer. Press again: it will not be done twice.");
  }
  button.removeAttribute("aria-busy");
  showReservation();
}

async function readItems() {
  const response = await fetch(`/v1/sales/${encodeURIComponent(sale)}`);
  if (!response.ok) return;
  const { currency, items: list } = await response.json();
  items = new Map(list.map((item) => [item.sku, { ...item, price: money(item.price, currency) }]));
}

async function start() {
  await authorization().catch(() => kept.drop("customer"));
  sale ??= kept.get("customer")?.sale_id;
  if (!sale) return tell("There is no demo here. Add ?sale= and a sale's id to watch its stock.");
  await readItems().catch(() => {});
  for (const [id, work] of Object.entries({ pay, release })) {
    $(id).onclick = (event) => busy(event.target, work);
  }
  setInterval(showReservation, 1000);
  showReservation();
  watch();
}

start();
