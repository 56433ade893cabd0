// What a buyer reads. Whoever builds a shop on this page begins here.

const REFUSALS = {
  "purchase-limit-exceeded": ({ left }) =>
    left ? `The limit is reached: you may take ${left} more.` : "You have reached the limit.",
  "sale-not-open": () => "Not open yet. Nothing was reserved.",
  "sale-paused": () => "The sale is paused. Nothing was reserved.",
  "sale-closed": () => "The sale is over.",
  "reservation-expired": () => "The time was up, and the units have gone to others.",
  "reservation-released": () => "It was released.",
  "already-paid": () => "It is paid already.",
  "ledger-behind": () => "Not recorded yet. Try again in a moment.",
  overloaded: () => "Very busy just now. Nothing was reserved: press again.",
  "stock-unverified": () => "The stock is being checked. Nothing was reserved: press again.",
};

/** The sentence for what came of a click; null for what the page shows by itself. */
export function sentence(answer, done) {
  switch (answer.outcome) {
    case "reserved":
      return done;
    case "sold-out":
      return "Sold out: somebody was faster. Nothing was reserved.";
    case "refused": {
      const { code, problem } = answer;
      return REFUSALS[code]?.(problem) ?? [problem.title, problem.detail].filter(Boolean).join(": ");
    }
    case "unknown":
      return "No answer yet. Press again: it will not be done twice.";
  }
}

export const STATES = {
  open: "Open",
  scheduled: "Not open yet",
  paused: "Paused",
  closed: "Closed",
};

export const LINES = {
  live: "live",
  reconnecting: "reconnecting",
  offline: "offline",
  ended: "the stream has ended",
};

export const ORDER_STATES = {
  paid: "paid. Thank you!",
  released: "released",
  expired: "expired: its units went back on sale",
};

/** 1999 in EUR as €19.99: amounts travel in the currency's minor unit. */
export function money(minorUnits, currency) {
  const format = new Intl.NumberFormat(undefined, { style: "currency", currency });
  return format.format(minorUnits / 10 ** format.resolvedOptions().maximumFractionDigits);
}
