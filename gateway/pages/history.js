// What happened in the last minutes, from counters that only rise: rates and percentiles.

export const KEPT_SECONDS = 300;
const PERCENTILES = { p50: 0.5, p95: 0.95, p99: 0.99 };
// A percentile of the few checkouts of a quiet second says little.
const LATENCY_SAMPLES = 5;
// The outcomes that are no refusal; of those that are pending, the next answer says what they became.
const ANSWERED = new Set(["admitted", "replayed", "pending"]);

export class History {
  samples = []; // {at, outcomes, bounds, counts, streams, lag}
  rates = []; // between a sample and the one before

  /** Take a sample; `at` in milliseconds. One that is not later is no news. */
  add(sample) {
    const before = this.samples.at(-1);
    if (before && sample.at <= before.at) return;
    this.samples.push(sample);
    if (before) this.rates.push(between(before, sample, this.samples.at(-1 - LATENCY_SAMPLES)));
    const oldest = sample.at - KEPT_SECONDS * 1000;
    while (this.samples[0].at < oldest) this.samples.shift();
    while (this.rates[0]?.at < oldest) this.rates.shift();
  }

  /** One series of points for each chart. */
  points(chart) {
    return this.rates.map((rate) => ({ at: rate.at, values: rate[chart] }));
  }
}

function between(before, after, longBefore = before) {
  const seconds = (after.at - before.at) / 1000;
  const admitted = {};
  const refused = {};
  for (const [outcome, count] of Object.entries(after.outcomes)) {
    const rate = risen(count, before.outcomes[outcome] ?? 0) / seconds;
    (ANSWERED.has(outcome) ? admitted : refused)[outcome] = rate;
  }
  const counts = after.counts.map((count, index) => risen(count, longBefore.counts[index] ?? 0));
  return {
    at: after.at,
    admitted,
    refused,
    latency: percentiles(after.bounds, counts),
    lag: { changes: after.lag },
    streams: { open: after.streams },
  };
}

// A gateway that was started anew counts from nothing.
const risen = (now, then) => (now >= then ? now - then : now);

/** In milliseconds; `counts` are those up to each bound, and the last one those above all. */
export function percentiles(bounds, counts) {
  const all = counts.reduce((sum, count) => sum + count, 0);
  const told = Object.entries(PERCENTILES).map(([name, share]) => [
    name,
    all ? 1000 * quantile(bounds, counts, share * all) : null,
  ]);
  return Object.fromEntries(told);
}

function quantile(bounds, counts, rank) {
  let below = 0;
  for (const [index, count] of counts.entries()) {
    if (count && below + count >= rank) {
      const low = bounds[index - 1] ?? 0;
      const high = bounds[index] ?? low;
      return low + ((high - low) * (rank - below)) / count;
    }
    below += count;
  }
  return bounds.at(-1);
}
