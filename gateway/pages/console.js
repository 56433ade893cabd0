// The operator's console, put together: what goes on is pushed to it, and what it does are the calls
// that `docs/administration.md` describes.

import { setClock } from "/pages/clock.js";
import { ask } from "/pages/confirm.js";
import { Charts } from "/pages/console-charts.js";
import { Duties } from "/pages/console-duties.js";
import { Sales } from "/pages/console-sales.js";
import { ACTS, LINES, count, outcome, rehearsal, verdict } from "/pages/console-words.js";
import { Operator, forgetKey, keepKey, keptKey, newWish } from "/pages/operator.js";
import { match } from "/pages/rows.js";

const $ = (id) => document.getElementById(id);
const tell = (text) => ($("answer").textContent = text);
const EVENTS = "/v1/admin/events";
const part = encodeURIComponent;

class Console {
  constructor(key) {
    this.operator = new Operator(key);
    this.seenAt = null;
    this.charts = new Charts($("charts"));
    this.sales = new Sales($("sales"), {
      steer: (sale, act, button) => busy(button, () => this.steer(sale, act)),
      grant: (sale, item, button) => busy(button, () => this.grant(sale, item)),
      audit: (sale, button) => busy(button, () => this.audit(sale)),
      rebuild: (sale, button) => busy(button, () => this.rebuild(sale)),
    });
    this.alarms = new Duties({
      list: $("alarms"),
      counter: $("alarms-count"),
      nothing: "none",
      describe: ({ sale_id, kind, what, at }) => ({ title: `${sale_id}: ${kind}`, at, words: what }),
      buttons: [["Acknowledge", (alarm, button) => busy(button, () => this.acknowledge(alarm))]],
    });
    this.parked = new Duties({
      list: $("parked"),
      counter: $("parked-count"),
      nothing: "nothing",
      describe: (it) => ({
        title: `${it.sale_id}: ${it.kind} ${it.subject}`,
        at: it.parked_at,
        words: it.reason,
      }),
      buttons: [
        ["Inspect", (entry, button) => busy(button, () => this.inspect(entry))],
        ["Retry", (entry, button) => busy(button, () => this.retry(entry))],
        ["Discard", (entry, button) => busy(button, () => this.discard(entry))],
      ],
    });
  }

  start() {
    $("login").hidden = true;
    $("line").hidden = $("logout").hidden = false;
    this.connected("connecting");
    this.watching = this.operator.watch(EVENTS, {
      onEvent: (kind, data) => this.hear(kind, data),
      onLine: (line) => this.connected(line),
    });
    this.ticking = setInterval(() => this.sales.tick(), 1000);
  }

  stop() {
    this.watching.close();
    clearInterval(this.ticking);
    $("board").hidden = $("line").hidden = $("logout").hidden = true;
    for (const id of ["health", "alarms", "parked", "charts", "sales"]) $(id).replaceChildren();
  }

  connected(line) {
    if (line === "refused") return logOut("This key is not one of an operator, or is none.");
    $("line").dataset.line = line;
    $("line").textContent = LINES[line](this.seenAt);
    $("board").classList.toggle("old", line !== "live");
  }

  hear(kind, data) {
    setClock(data.server_time);
    this.seenAt = data.server_time;
    if (kind !== "overview") return;
    $("board").hidden = false;
    showHealth(data);
    this.alarms.show(data.alarms);
    this.parked.show(data.parked);
    this.sales.show(data.sales);
    this.charts.show(data);
  }

  // What can be done. Each is asked before, and its answer is told.

  async steer(sale, act) {
    const { button, words } = ACTS[act];
    const title = `${button} ${sale.name || sale.sale_id}?`;
    if (!(await ask({ title, words, yes: button }))) return;
    await this.#do(`${button} ${sale.sale_id}`, "POST", `/v1/admin/sales/${part(sale.sale_id)}/${act}`);
  }

  async grant(sale, item) {
    const filled = await ask({
      title: `Grant units of ${item.name || item.sku}`,
      words: "A negative number takes out what is not sold.",
      yes: "Grant",
      fields: [
        { label: "Units", name: "delta", type: "number", step: 1, required: "" },
        { label: "Reason", name: "reason", maxlength: 200, required: "", autocomplete: "off" },
      ],
    });
    if (!filled) return;
    const path = `/v1/admin/sales/${part(sale.sale_id)}/items/${part(item.sku)}/grants`;
    const delta = Number(filled.delta);
    await this.#do(`Grant ${delta} ${item.sku}`, "POST", path, {
      body: { delta, reason: filled.reason },
      headers: { "Idempotency-Key": newWish() },
    });
  }

  async audit(sale) {
    tell(`Audit of ${sale.sale_id}: asked for`);
    const path = `/v1/admin/sales/${part(sale.sale_id)}/audits`;
    const reply = await this.operator.send("POST", path);
    const what = `Audit of ${sale.sale_id}`;
    tell(reply?.status === 200 ? `${what}: ${verdict(reply.body)}` : outcome(what, reply));
  }

  /** First what it would do, which changes nothing; then it, if that is wanted. */
  async rebuild(sale) {
    const what = `Rebuild ${sale.sale_id}`;
    const path = `/v1/admin/sales/${part(sale.sale_id)}/rebuild`;
    const told = await this.operator.send("GET", path);
    if (told?.status !== 200) return tell(outcome(what, told));
    const words =
      "Redis is written anew from the ledger, under the next epoch. Nobody is admitted while it lasts: " +
      "some milliseconds, and a second for each 75,000 orders. It raises an alarm, for you to acknowledge.";
    const shown = rehearsal(told.body);
    if (!(await ask({ title: `${what}?`, words, shown, yes: "Rebuild" }))) return;
    await this.#do(what, "POST", path);
  }

  async acknowledge(alarm) {
    const title = `Acknowledge alarm ${alarm.id}?`;
    if (!(await ask({ title, words: alarm.what, yes: "Acknowledge" }))) return;
    await this.#do(`Alarm ${alarm.id}`, "POST", `/v1/admin/alarms/${alarm.id}/acknowledge`);
  }

  async inspect(entry) {
    const reply = await this.operator.send("GET", `/v1/admin/parked/${entry.id}`);
    if (reply?.status !== 200) return tell(outcome(`Parked ${entry.id}`, reply));
    const { reason, record } = reply.body;
    await ask({ title: `Parked ${entry.id}`, words: reason, shown: record, yes: "Done" });
  }

  async retry(entry) {
    const words = "The ledger takes it in after all, as it was.";
    if (!(await ask({ title: `Retry ${entry.subject}?`, words, yes: "Retry" }))) return;
    await this.#do(`Retry ${entry.id}`, "POST", `/v1/admin/parked/${entry.id}/retry`, { body: {} });
  }

  async discard(entry) {
    const filled = await ask({
      title: `Discard ${entry.subject}?`,
      words: "The ledger stays as it is without it. The record stays on file.",
      yes: "Discard",
      fields: [{ label: "Reason", name: "reason", maxlength: 200, required: "" }],
    });
    if (!filled) return;
    const body = { reason: filled.reason };
    await this.#do(`Discard ${entry.id}`, "POST", `/v1/admin/parked/${entry.id}/discard`, { body });
  }

  async #do(what, method, path, how) {
    tell(outcome(what, await this.operator.send(method, path, how)));
  }
}

function showHealth({ health, reconcilers }) {
  const chips = [
    { id: "redis", text: `Redis ${health.redis}`, ok: health.redis === "answers" },
    { id: "ledger", text: `Postgres ${health.ledger}`, ok: health.ledger === "answers" },
    ...reconcilers.map(({ id, leads, silent_seconds: silent, lives }) => ({
      id,
      text: `Reconciler ${id.slice(0, 8)} ${lives ? `leads ${count(leads)}` : `silent for ${Math.round(silent)} s`}`,
      ok: lives,
    })),
  ];
  if (!reconcilers.length) chips.push({ id: "none", text: "No reconciler", ok: false });
  match($("health"), chips, {
    key: ({ id }) => id,
    make: () => document.createElement("li"),
    fill: (chip, { text, ok }) => {
      chip.textContent = text;
      chip.dataset.ok = String(ok);
    },
  });
}

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

// --- Who is there --------------------------------------------------------------------------------

let shown = null;

function logIn(key) {
  tell("");
  shown = new Console(key);
  shown.start();
}

function logOut(why = "Logged out.") {
  forgetKey();
  shown?.stop();
  shown = null;
  $("login").hidden = false;
  $("key").value = "";
  $("key").focus();
  tell(why);
}

$("login").addEventListener("submit", (event) => {
  event.preventDefault();
  const key = $("key").value.trim();
  keepKey(key);
  logIn(key);
});
$("logout").onclick = () => logOut();
if (keptKey()) logIn(keptKey());
else $("login").hidden = false;
