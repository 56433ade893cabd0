// The sales: where the units of each item are, the last audit, and what can be done.

import { duration, secondsUntil } from "/pages/clock.js";
import { ACTS, ACTS_OF, PLACES, STATES, SUMS, clock, count, moment, verdict } from "/pages/console-words.js";
import { button, copy, match, terms } from "/pages/rows.js";

const SVG = "http://www.w3.org/2000/svg";
const BAR_WIDTH = 1000;

/** `acts` does what is clicked: `steer(sale, act)`, `grant(sale, item)`, `audit(sale)`, `rebuild(sale)`. */
export class Sales {
  constructor(parent, acts) {
    Object.assign(this, { parent, acts, sales: [] });
  }

  show(sales) {
    this.sales = sales;
    match(this.parent, sales, {
      key: (sale) => sale.sale_id,
      make: (sale) => this.#make(sale),
      fill: (card, sale) => this.#fill(card, sale),
    });
  }

  /** The countdowns go on between two pushes. */
  tick() {
    for (const sale of this.sales) {
      const card = this.parent.querySelector(`[data-key="${CSS.escape(sale.sale_id)}"]`);
      card.querySelector(".when").textContent = window(sale);
    }
  }

  #make(sale) {
    const card = copy("sale");
    card.dataset.sale = sale.sale_id;
    card.querySelector("h3").id = `sale-${sale.sale_id}`;
    card.setAttribute("aria-labelledby", `sale-${sale.sale_id}`);
    return card;
  }

  #fill(card, sale) {
    card.querySelector("h3").textContent = sale.name || sale.sale_id;
    const badge = card.querySelector(".badge");
    badge.textContent = STATES[sale.state] ?? sale.state;
    badge.dataset.state = sale.state;
    card.querySelector(".when").textContent = window(sale);
    card.querySelector(".facts").textContent = facts(sale);
    match(card.querySelector(".items"), sale.items, {
      key: (item) => item.sku,
      make: (item) => this.#makeItem(sale, item),
      fill: fillItem,
    });
    this.#fillActs(card, sale);
    fillAudit(card.querySelector(".audit"), sale.audit);
  }

  #makeItem(sale, item) {
    const row = copy("sale-item");
    row.dataset.sku = item.sku;
    const grant = row.querySelector("button");
    grant.setAttribute("aria-label", `Grant ${item.name || item.sku}`);
    grant.onclick = () => this.acts.grant(this.#now(sale), item, grant);
    return row;
  }

  #fillActs(card, sale) {
    const names = [...(ACTS_OF[sale.state] ?? []), ...(sale.state === "draft" ? [] : ["audit", "rebuild"])];
    match(card.querySelector(".acts"), names, {
      key: (name) => name,
      make: (name) => this.#makeAct(sale, name),
      fill: () => {},
    });
  }

  #makeAct(sale, name) {
    if (name === "audit") return button("Audit now", (it) => this.acts.audit(sale, it));
    if (name === "rebuild") return button("Rebuild", (it) => this.acts.rebuild(sale, it));
    return button(ACTS[name].button, (it) => this.acts.steer(this.#now(sale), name, it));
  }

  #now(sale) {
    return this.sales.find(({ sale_id }) => sale_id === sale.sale_id) ?? sale;
  }
}

function window({ state, opens_at: opens, closes_at: closes }) {
  if (state === "scheduled") return `opens in ${duration(secondsUntil(opens))}`;
  if (state === "draft") return `from ${moment(opens)}`;
  if (!closes) return `since ${moment(opens)}, open-ended`;
  const left = secondsUntil(closes);
  return left ? `ends in ${duration(left)}` : `ended ${moment(closes)}`;
}

function facts(sale) {
  const lag =
    sale.lag === null ? "stock in Redis not proven, so nobody is admitted"
    : sale.lag ? `${count(sale.lag)} changes not in the ledger yet`
    : "the ledger is up to date";
  return sale.state === "draft" ? sale.sale_id : `${sale.sale_id} · ${lag}`;
}

function fillItem(row, item) {
  row.querySelector(".name").textContent = item.name || item.sku;
  const numbers = PLACES.map((place) => [place, item[place] ?? 0]);
  // Units are seldom on their way, and a zero there would be noise.
  const told = numbers.filter(([place, units]) => units || !["arriving"].includes(place));
  terms(
    row.querySelector(".units"),
    [["granted", item.granted], ...told].map(([term, units]) => [term, count(units)]),
  );
  const bar = row.querySelector(".bar");
  bar.setAttribute("aria-label", told.map(([term, units]) => `${units} ${term}`).join(", "));
  const all = Math.max(1, numbers.reduce((sum, [, units]) => sum + units, 0));
  let x = 0;
  const parts = numbers.map(([place, units]) => {
    const part = document.createElementNS(SVG, "rect");
    const width = (BAR_WIDTH * units) / all;
    for (const [name, value] of Object.entries({ class: place, x, y: 0, width, height: 10 })) {
      part.setAttribute(name, value);
    }
    x += width;
    return part;
  });
  bar.replaceChildren(...parts);
}

function fillAudit(details, audit) {
  details.hidden = !audit;
  if (!audit) return;
  details.querySelector("summary").textContent = `Audit at ${clock(audit.at)}: ${verdict(audit)}`;
  details.dataset.outcome = audit.outcome;
  // A correction is decided with all of it in sight, which is more than a card can show.
  details.querySelector(".remedy").hidden = audit.outcome !== "drift";
  details.querySelector(".remedy code").textContent = `doorbuster mend ${audit.sale_id}`;
  const sums = audit.sums ?? {};
  terms(
    details.querySelector(".sums"),
    Object.entries(SUMS)
      .filter(([name]) => name in sums)
      .map(([name, words]) => [words, count(sums[name])]),
  );
  match(details.querySelector(".findings"), audit.findings ?? [], {
    key: ({ invariant }) => invariant,
    make: () => document.createElement("li"),
    fill: (row, { invariant, statement, compared, differ }) => {
      row.dataset.ok = String(differ === 0);
      row.textContent = `${invariant}: ${statement} (${count(compared)} compared, ${count(differ)} differ)`;
    },
  });
}
