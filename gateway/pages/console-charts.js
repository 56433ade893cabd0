// The charts: which there are, and what of the pushed numbers each shows.

import { Chart } from "/pages/chart.js";
import { count, milliseconds, rate } from "/pages/console-words.js";
import { History, KEPT_SECONDS } from "/pages/history.js";

const CHARTS = {
  admitted: { title: "Checkouts admitted", words: rate, names: ["admitted"] },
  refused: { title: "Checkouts refused", words: rate },
  latency: { title: "Time to an answer", words: milliseconds, names: ["p50", "p95", "p99"] },
  lag: { title: "Ledger lag", words: count, names: ["changes"] },
  streams: { title: "Streams", words: count, names: ["open"] },
};

export class Charts {
  constructor(parent) {
    this.history = new History();
    this.charts = Object.entries(CHARTS).map(([name, how]) => [
      name,
      new Chart(parent, { ...how, seconds: KEPT_SECONDS }),
    ]);
  }

  show({ server_time: time, sales, counts }) {
    this.history.add({
      at: Date.parse(time),
      outcomes: counts.checkouts,
      bounds: counts.seconds.bounds,
      counts: counts.seconds.counts,
      streams: counts.streams,
      lag: sales.reduce((sum, { lag }) => sum + (lag ?? 0), 0),
    });
    for (const [name, chart] of this.charts) chart.draw(this.history.points(name));
  }
}
