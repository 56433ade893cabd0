// Keeps one element for each thing, so that what is focused or unfolded stays so over a push.

/** Let `parent` have a child for each thing, in that order; `make` once, `fill` each time. */
export function match(parent, things, { key, make, fill }) {
  const rows = new Map([...parent.children].map((row) => [row.dataset.key, row]));
  for (const [index, thing] of things.entries()) {
    const name = String(key(thing));
    const row = rows.get(name) ?? make(thing);
    rows.delete(name);
    row.dataset.key = name;
    if (parent.children[index] !== row) parent.insertBefore(row, parent.children[index] ?? null);
    fill(row, thing);
  }
  for (const row of rows.values()) row.remove();
}

export const copy = (id) =>
  document.getElementById(id).content.cloneNode(true).firstElementChild;

export function button(text, onClick, kind = "quiet") {
  const made = document.createElement("button");
  made.type = "button";
  made.className = kind;
  made.textContent = text;
  made.onclick = () => onClick(made);
  return made;
}

/** Terms and their numbers. */
export function terms(list, pairs) {
  match(list, pairs, {
    key: ([term]) => term,
    make: ([term]) => {
      const row = document.createElement("div");
      row.className = term;
      row.append(document.createElement("dt"), document.createElement("dd"));
      row.firstChild.textContent = term;
      return row;
    },
    fill: (row, [, text]) => (row.lastChild.textContent = text),
  });
}
