// What an operator reads.

export const LINES = {
  connecting: () => "connecting",
  live: () => "live",
  reconnecting: (since) => (since ? `reconnecting; as of ${clock(since)}` : "reconnecting"),
};

export const STATES = {
  draft: "Draft",
  scheduled: "Scheduled",
  open: "Open",
  paused: "Paused",
  closed: "Closed",
};

/** Where a unit can be, in the order of the bar. */
export const PLACES = ["paid", "held", "returning", "arriving", "available"];

/** What each act asks before it is done. */
export const ACTS = {
  open: {
    button: "Open",
    words: "Within its window it can be bought from. There is no way back to a draft.",
  },
  pause: { button: "Pause", words: "Nobody is admitted for a while. Holds and payments go on." },
  resume: { button: "Resume", words: "Buyers are admitted again." },
  close: {
    button: "Close",
    words: "Nobody is admitted any more, for good. Holds and payments go on.",
  },
};

/** Which acts a state leaves. */
export const ACTS_OF = {
  draft: ["open"],
  scheduled: ["pause", "close"],
  open: ["pause", "close"],
  paused: ["resume", "close"],
  closed: [],
};

export const SUMS = {
  granted: "granted",
  taken: "taken",
  rows: "in reservations",
  mirror: "available in the ledger",
  available: "available in Redis",
  held: "held in Redis",
};

/** What an audit found. */
export function verdict({ outcome, reservations, milliseconds: took, why }) {
  if (outcome === "impossible") return `it was not possible: ${why}`;
  const words = outcome === "clean" ? "the books agree" : "the books disagree";
  return `${words}: ${count(reservations)} reservations compared in ${Math.round(took)} ms`;
}

/** What a rebuild would do, as lines of text. */
export function rehearsal({ epoch, version, redis_version: stands, proven, unread, reservations, items }) {
  const redis = stands === null ? "nothing of it" : `version ${stands}, ${proven ? "proven" : "not proven"}`;
  return [
    `Redis has ${redis}; the ledger has read up to version ${version}.`,
    `${count(unread)} changes would be read first, as far as they are still there.`,
    `Then ${count(reservations)} reservations would be written anew, under epoch ${epoch + 1}.`,
    ...items.map(
      ({ sku, granted, active, before, after }) =>
        `${before === after ? " " : "*"} ${sku}: ${granted} granted - ${active} held and paid = ${after} available, now ${before ?? "unknown"}`,
    ),
  ].join("\n");
}

export const count = (number) => Math.round(number).toLocaleString();
const short = (number) => (number < 10 ? number.toFixed(1) : count(number));
export const rate = (number) => `${short(number)}/s`;
export const milliseconds = (number) => `${short(number)} ms`;
export const clock = (time) => new Date(time).toLocaleTimeString();
export const moment = (time) => new Date(time).toLocaleString();

/** What an answer says to whoever has asked for `what`. */
export function outcome(what, reply) {
  if (!reply) return `${what}: no answer. It may have been done: look before you tell it again.`;
  if (reply.status === 202) return `${what}: saved. No reconciler has carried it through yet.`;
  if (reply.status < 300) return `${what}: done.`;
  const { title, detail, errors } = reply.body;
  const faults = (errors ?? []).map((each) => each.detail);
  return `${what}: ${[title, detail, ...faults].filter(Boolean).join(" ")}`;
}
