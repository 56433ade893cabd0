// The calls of administration, and the stream of what goes on, as an operator's browser makes them.
//
// The key travels in a header and is in no address. An EventSource can send none, so the stream is
// read from a fetch.

const KEY = "doorbuster:admin-key";
// A gateway waits up to 10 seconds for an audit, and 5 for a reconciler.
const ATTEMPT_SECONDS = 15;
const ATTEMPTS = 3;
const FIRST_WAIT_SECONDS = 0.5;
const LONGEST_WAIT_SECONDS = 8;
// The stream says something every few seconds: whoever is silent for so long is gone.
const SILENCE_SECONDS = 40;

const pause = (seconds) => new Promise((done) => setTimeout(done, seconds * 1000));
// Those who were sent away together must not come back together.
const jittered = (seconds) => seconds * (0.5 + Math.random());

/** The key of this tab; null where nobody is logged in. */
export const keptKey = () => sessionStorage.getItem(KEY);
export const keepKey = (key) => sessionStorage.setItem(KEY, key);
export const forgetKey = () => sessionStorage.removeItem(KEY);

/** A name for one wish, so that it happens once however often it is sent. */
export function newWish() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export class Operator {
  constructor(key) {
    this.key = key;
  }

  /** `{status, body}`, or null where no answer came. Each act may be told again, and is. */
  async send(method, path, { body, headers = {} } = {}) {
    for (let attempt = 1; ; attempt += 1) {
      const reply = await this.#attempt(method, path, body, headers);
      const isFinal = reply && reply.status !== 429 && reply.status < 500;
      if (isFinal || attempt === ATTEMPTS) return reply;
      await pause(jittered(attempt));
    }
  }

  async #attempt(method, path, body, headers) {
    try {
      const response = await fetch(path, {
        method,
        headers: {
          Authorization: `Bearer ${this.key}`,
          ...(body ? { "Content-Type": "application/json" } : {}),
          ...headers,
        },
        body: body && JSON.stringify(body),
        signal: AbortSignal.timeout(ATTEMPT_SECONDS * 1000),
      });
      return { status: response.status, body: await response.json() };
    } catch {
      return null;
    }
  }

  /**
   * What goes on, until `close()`: `onEvent(kind, data)`, and `onLine` with "live", "reconnecting",
   * or "refused" where the key is not good (any more), which ends it.
   */
  watch(path, { onEvent, onLine }) {
    const closing = new AbortController();
    this.#keepReading(path, { onEvent, onLine }, closing.signal);
    return { close: () => closing.abort() };
  }

  async #keepReading(path, hears, closing) {
    let wait = FIRST_WAIT_SECONDS;
    const onEvent = (kind, data) => {
      wait = FIRST_WAIT_SECONDS;
      hears.onLine("live");
      hears.onEvent(kind, data);
    };
    while (!closing.aborted) {
      const status = await this.#read(path, onEvent, closing);
      if (closing.aborted) return;
      if (status === 401 || status === 403) return hears.onLine("refused");
      hears.onLine("reconnecting");
      await pause(jittered(wait));
      wait = Math.min(2 * wait, LONGEST_WAIT_SECONDS);
    }
  }

  /** The status with which one connection was answered, once it has ended; 0 for none. */
  async #read(path, onEvent, closing) {
    const silence = new AbortController();
    let timer;
    const listen = () => {
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), SILENCE_SECONDS * 1000);
    };
    let status = 0;
    try {
      listen();
      const response = await fetch(path, {
        headers: { Authorization: `Bearer ${this.key}`, Accept: "text/event-stream" },
        cache: "no-store",
        signal: AbortSignal.any([closing, silence.signal]),
      });
      status = response.status;
      if (status === 200) {
        for await (const { kind, data } of events(response.body)) {
          listen();
          onEvent(kind, data);
        }
      }
    } catch {
      // Lost, or closed: whoever reads decides.
    } finally {
      clearTimeout(timer);
    }
    return status;
  }
}

/** The events of a response; blocks end with an empty line, and each has its data on one line. */
async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const blocks = (rest + value).split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      const fields = Object.fromEntries(block.split("\n").map((line) => line.split(/: ?(.*)/s)));
      if (fields.data) yield { kind: fields.event ?? "message", data: JSON.parse(fields.data) };
    }
  }
}
