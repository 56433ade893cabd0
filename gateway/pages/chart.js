// A line chart of the last minutes: SVG for the lines, HTML for the words, so that those never stretch.

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 1000;
const HEIGHT = 100;
const TONES = 6;

export class Chart {
  /** `words(number)` says a number with its unit; `names` are the series that are always there. */
  constructor(parent, { title, words, names = [], seconds }) {
    Object.assign(this, { title, words, seconds, names: [...names] });
    this.figure = document.createElement("figure");
    this.top = document.createElement("span");
    const caption = document.createElement("figcaption");
    caption.append(title, this.top);
    this.svg = document.createElementNS(SVG, "svg");
    this.svg.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
    this.svg.setAttribute("preserveAspectRatio", "none");
    this.svg.setAttribute("role", "img");
    this.legend = document.createElement("ul");
    this.legend.className = "legend";
    this.figure.append(caption, this.svg, this.legend);
    parent.append(this.figure);
  }

  /** `points` are `{at, values}`, oldest first: milliseconds, and numbers by the series' name. */
  draw(points) {
    for (const { values } of points) {
      for (const name of Object.keys(values)) if (!this.names.includes(name)) this.names.push(name);
    }
    const highest = Math.max(1, ...points.flatMap(({ values }) => known(Object.values(values))));
    const latest = points.at(-1);
    this.top.textContent = `up to ${this.words(highest)}`;
    this.svg.replaceChildren(
      ...this.names.map((name, index) => this.#line(points, name, index, highest)),
    );
    this.legend.replaceChildren(
      ...this.names.map((name, index) => legend(index, this.#says(latest, name))),
    );
    const all = this.names.map((name) => this.#says(latest, name)).join(", ");
    this.svg.setAttribute("aria-label", `${this.title}: ${all || "nothing yet"}`);
  }

  #says(latest, name) {
    const number = latest?.values[name];
    return `${name} ${number === undefined || number === null ? "–" : this.words(number)}`;
  }

  #line(points, name, index, highest) {
    const end = points.at(-1)?.at ?? 0;
    const place = ({ at, values }) => {
      const x = WIDTH * (1 - (end - at) / 1000 / this.seconds);
      const y = HEIGHT * (1 - (values[name] ?? 0) / highest);
      return `${x.toFixed(1)},${y.toFixed(1)}`;
    };
    const there = points.filter(({ values }) => values[name] !== null);
    const line = document.createElementNS(SVG, "polyline");
    line.setAttribute("class", `tone-${index % TONES}`);
    line.setAttribute("points", there.map(place).join(" "));
    return line;
  }
}

const known = (numbers) => numbers.filter((number) => number !== null && number !== undefined);

function legend(index, text) {
  const row = document.createElement("li");
  row.className = `tone-${index % TONES}`;
  row.textContent = text;
  return row;
}
