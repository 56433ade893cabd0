// The one dialog: it asks before anything is done.

const $ = (id) => document.getElementById(id);

/**
 * What the operator has filled in, by the names of the fields, or null if they would rather not.
 *
 * `fields` are `{name, label, ...}`, where the rest are attributes of the input.
 */
export function ask({ title, words = "", shown = null, yes, fields = [] }) {
  $("ask-title").textContent = title;
  $("ask-words").textContent = words;
  $("ask-shown").textContent = shown ?? "";
  $("ask-shown").hidden = shown === null;
  $("ask-yes").textContent = yes;
  $("ask-fields").replaceChildren(...fields.map(field));
  const dialog = $("ask");
  dialog.returnValue = "";
  $("ask-no").onclick = () => dialog.close("");
  dialog.showModal();
  return new Promise((done) => {
    dialog.addEventListener(
      "close",
      () => {
        const inputs = $("ask-fields").querySelectorAll("input");
        const filled = Object.fromEntries([...inputs].map(({ name, value }) => [name, value]));
        done(dialog.returnValue === "yes" ? filled : null);
      },
      { once: true },
    );
  });
}

function field({ label, ...attributes }) {
  const row = document.createElement("label");
  const input = document.createElement("input");
  for (const [name, value] of Object.entries(attributes)) input.setAttribute(name, value);
  row.append(label, input);
  return row;
}
