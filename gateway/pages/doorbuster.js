// The gateway, as a browser talks to it. An ES module that needs nothing else: copy it into a shop.
//
//   const buyer = new Customer({ base: "", token: () => login.token });  // base: where the gateway is
//   const key = keptKey("friday/LAMP-1");          // the same after a reload
//   const answer = await buyer.checkout("friday", { "LAMP-1": 1 }, key);
//   switch (answer.outcome) { case "reserved": ... case "sold-out": ... case "refused": ...
//                             case "unknown": ... }  // the same call with the same key tells
//
//   const watching = watchStock("friday", { onStock: (stock) => ..., onLine: (line) => ... });
//   const order = watchOrder(buyer, reservation.id, { onOrder: (reservation) => ... });

// A gateway gives up after two seconds, and says so; whoever takes longer is not there.
const ATTEMPT_SECONDS = 5;
const FIRST_WAIT_SECONDS = 0.2;
const LONGEST_WAIT_SECONDS = 5;
// A gateway says something every 15 seconds: whoever is silent for so long is gone.
const SILENCE_SECONDS = 40;
// The same request may fare better soon.
const WORTH_ANOTHER_ATTEMPT = new Set([202, 408, 429, 500, 502, 503, 504]);
// Said before anything was done, so that what an earlier attempt did is still open.
const SAID_BEFORE = new Set([401, 403, 408, 429, 503]);
const FINAL_STATES = new Set(["paid", "released", "expired"]);

const pause = (seconds) => new Promise((done) => setTimeout(done, seconds * 1000));
// Those who were sent away together must not come back together.
const jittered = (seconds) => seconds * (1 + Math.random() / 2);

// --- Keys: one name for one wish, kept until its outcome is certain ------------------------------

/** The idempotency key of a wish; it is the same after a reload, until `forgetKey`. */
export function keptKey(wish) {
  const name = `doorbuster:key:${wish}`;
  const key = sessionStorage.getItem(name) ?? newKey();
  sessionStorage.setItem(name, key);
  return key;
}

/** The wish has come to an end: the next one of this name is another. */
export function forgetKey(wish) {
  sessionStorage.removeItem(`doorbuster:key:${wish}`);
}

// crypto.randomUUID is there in secure contexts alone.
function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

// --- Calls ---------------------------------------------------------------------------------------

/** A buyer. `token` is called before each request, and may return a promise. */
export class Customer {
  constructor({ base = "", token, seconds = 15 }) {
    Object.assign(this, { base, token, seconds });
  }

  /** Reserve so many units of each sku, all or nothing; `lines` null means the cart. */
  async checkout(saleId, lines, key) {
    const wanted = Object.entries(lines ?? {}).map(([sku, quantity]) => ({ sku, quantity }));
    const reply = await this.send("POST", `/v1/sales/${encodeURIComponent(saleId)}/checkout`, {
      headers: { "Idempotency-Key": key },
      body: wanted.length ? { lines: wanted } : {},
    });
    return outcomeOf(reply);
  }

  /** Give a hold up. */
  async release(reservationId) {
    return outcomeOf(await this.send("POST", `/v1/reservations/${reservationId}/release`));
  }

  /** A reservation of this customer, in any state. */
  async reservation(reservationId) {
    return outcomeOf(await this.send("GET", `/v1/reservations/${reservationId}`));
  }

  /**
   * Send until the answer is certain or the time is over. Only for what may be repeated.
   *
   * Null where it may have happened, by whichever attempt, and nobody has said so.
   */
  async send(method, path, { headers = {}, body } = {}) {
    const ends = Date.now() + this.seconds * 1000;
    let open = false;
    for (let wait = FIRST_WAIT_SECONDS; ; wait = Math.min(2 * wait, LONGEST_WAIT_SECONDS)) {
      const reply = await attempt(this.base + path, {
        method,
        headers: { Authorization: `Bearer ${await this.token()}`, ...headers, ...jsonType(body) },
        body: body && JSON.stringify(body),
      });
      open = leavesOpen(reply) || (open && SAID_BEFORE.has(reply.status));
      const seconds = jittered(reply?.retryAfter || wait);
      const again = !reply || WORTH_ANOTHER_ATTEMPT.has(reply.status);
      if (!again || Date.now() + seconds * 1000 > ends) return certain(reply, open);
      await pause(seconds);
    }
  }
}

/** Whether nobody knows what became of this very attempt. Of errors, only our 503 promises it. */
function leavesOpen(reply) {
  if (!reply || reply.status === 202) return true;
  return reply.status >= 500 && !(reply.status === 503 && reply.isProblem);
}

const certain = (reply, open) => (open && reply?.status !== 202 ? null : reply);

const jsonType = (body) => (body ? { "Content-Type": "application/json" } : {});

async function attempt(url, init) {
  try {
    const response = await fetch(url, {
      ...init,
      signal: AbortSignal.timeout(ATTEMPT_SECONDS * 1000),
    });
    const retryAfter = Number(response.headers.get("Retry-After") ?? 0);
    const replayed = response.headers.get("Idempotency-Replayed") === "true";
    const isProblem = response.headers.get("Content-Type") === "application/problem+json";
    const body = response.status === 204 ? null : await response.json();
    return { status: response.status, body, retryAfter, replayed, isProblem };
  } catch {
    return null; // lost on the way there, or on the way back
  }
}

/** What a shop has to tell its buyer: an answer is never an exception. */
function outcomeOf(reply) {
  if (!reply || reply.status === 202) return { outcome: "unknown", id: reply?.body.id ?? null };
  const { status, body, replayed } = reply;
  if (status < 300) return { outcome: "reserved", reservation: body, replayed };
  if (body.code === "insufficient-stock") {
    const left = Object.fromEntries(body.lines.map((line) => [line.sku, line.available]));
    return { outcome: "sold-out", left, problem: body };
  }
  return { outcome: "refused", code: body.code, status, problem: body };
}

// --- The stock, over one connection a browser ----------------------------------------------------

/**
 * What is left of a sale, now and after each change, until `close()` or the end of the sale.
 *
 * `onStock` gets the whole state each time; `onLine` gets "live", "reconnecting", "offline" or
 * "ended"; `onClock` gets the server's time. Of all pages of a browser one holds the connection,
 * and the others hear it from that one: browsers allow six to a host.
 */
export function watchStock(saleId, { base = "", onStock, onLine = () => {}, onClock = () => {} }) {
  const url = `${base}/v1/sales/${encodeURIComponent(saleId)}/events`;
  const seen = new Seen();
  const tell = (message) => {
    if (message.clock) onClock(message.clock);
    if (message.line) onLine(message.line);
    if (message.stock && seen.isNews(message.stock)) onStock(message.stock);
  };
  return shared(`doorbuster:${url}`, tell, (publish) => connect(url, publish));
}

/** Later by its version, or by a state that the clock has changed. */
class Seen {
  stock = { epoch: -1, version: -1 };

  isNews(stock) {
    const { epoch, version, state } = this.stock;
    const newer = stock.epoch > epoch || (stock.epoch === epoch && stock.version > version);
    const same = stock.epoch === epoch && stock.version === version;
    if (!newer && !(same && stock.state !== state)) return false;
    this.stock = stock;
    return true;
  }
}

function connect(url, publish) {
  let source;
  let timer;
  const listen = () => {
    clearTimeout(timer);
    timer = setTimeout(restart, SILENCE_SECONDS * 1000);
  };
  const restart = () => {
    source?.close();
    source = new EventSource(url);
    for (const kind of ["snapshot", "stock"]) {
      source.addEventListener(kind, (event) => {
        listen();
        const stock = JSON.parse(event.data);
        publish({ line: "live", stock, clock: stock.server_time });
      });
    }
    source.addEventListener("heartbeat", (event) => {
      listen();
      publish({ line: "live", clock: JSON.parse(event.data).server_time });
    });
    source.onerror = () => {
      // A 204 ends an EventSource for good: that is how the gateway says that the sale is over.
      const over = source.readyState === EventSource.CLOSED;
      publish({ line: over ? "ended" : navigator.onLine ? "reconnecting" : "offline" });
    };
    listen();
  };
  const offline = () => publish({ line: "offline" });
  addEventListener("online", restart);
  addEventListener("offline", offline);
  restart();
  return () => {
    clearTimeout(timer);
    source.close();
    removeEventListener("online", restart);
    removeEventListener("offline", offline);
  };
}

/**
 * Lets one page of the browser do the work and all of them hear of it. The lock is free as soon as
 * its page is closed, crashes or is frozen out, and the next page in line has it.
 */
function shared(name, tell, work) {
  if (!navigator.locks || !globalThis.BroadcastChannel) {
    return { close: work(tell) }; // not a secure context: a connection of its own
  }
  const channel = new BroadcastChannel(name);
  const closing = new AbortController();
  let last = {};
  const publish = (message) => {
    last = { ...last, ...message };
    channel.postMessage(message);
    tell(message);
  };
  let leads = false;
  channel.onmessage = ({ data }) => {
    if (!data.isNew) tell(data);
    else if (leads) channel.postMessage(last);
  };
  channel.postMessage({ isNew: true });
  navigator.locks
    .request(name, { signal: closing.signal }, () => {
      leads = true;
      const stop = work(publish);
      return new Promise((done) => {
        closing.signal.addEventListener("abort", () => {
          stop();
          done();
        });
      });
    })
    .catch(() => {}); // closed while it stood in line
  return {
    close: () => {
      closing.abort();
      channel.close();
    },
  };
}

// --- An order ------------------------------------------------------------------------------------

/** What becomes of a reservation: `onOrder` gets the whole of it each time, until it is final. */
export function watchOrder(buyer, reservationId, { onOrder }) {
  const path = `/v1/reservations/${reservationId}`;
  let closed = false;
  let source;
  const close = () => {
    closed = true;
    source?.close();
  };
  const tell = (reservation) => {
    if (closed) return;
    onOrder(reservation);
    if (FINAL_STATES.has(reservation.state)) close();
  };
  const open = async (failures = 0) => {
    const reply = await buyer.send("POST", `${path}/ticket`);
    if (closed || (reply && [401, 403, 404].includes(reply.status))) return;
    if (!reply || reply.status !== 200) return void again(failures + 1);
    source = new EventSource(`${buyer.base}${path}/events?ticket=${reply.body.ticket}`);
    for (const kind of ["held", "committed", "extended", ...FINAL_STATES]) {
      source.addEventListener(kind, (event) => tell(JSON.parse(event.data)));
    }
    // The ticket was good for one connection: the next one needs another.
    source.onerror = () => {
      source.close();
      if (!closed) again(failures + 1);
    };
    source.onopen = () => (failures = 0);
  };
  const again = async (failures) => {
    await pause(jittered(Math.min(FIRST_WAIT_SECONDS * 2 ** failures, LONGEST_WAIT_SECONDS)));
    if (!closed) open(failures);
  };
  open();
  return { close };
}
