// Elements, made and kept up to date.

/** @param {string} id @returns {any} The element, which the page has. */
export const byId = (id) => document.getElementById(id);

/**
 * Make an element.
 * @param {string} name
 * @param {Record<string, unknown>} attributes Functions listen to the event of their name; true is an empty attribute,
 *   and false, null and undefined are none.
 * @param {...(Node | string | number)} children
 * @returns {any}
 */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(key, /** @type {EventListener} */ (value));
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(key, String(value));
  }
  made.append(...children.map((child) => (child instanceof Node ? child : String(child))));
  return made;
}

/** Set an element's text, and touch nothing if it has it. @param {Element} where @param {unknown} text */
export function write(where, text) {
  const words = text === null || text === undefined ? "" : String(text);
  if (where.textContent !== words) where.textContent = words;
}

/** Write a text and show the element, or hide it where there is none. @param {any} where @param {unknown} text */
export function tell(where, text) {
  write(where, text);
  where.hidden = !text;
}

/**
 * Let an element have one child for each item, in order. Children of items that stay are kept, with their focus.
 * @template Item
 * @param {Element} parent
 * @param {Item[]} items
 * @param {(item: Item) => string} keyOf
 * @param {(item: Item) => any} make
 * @param {(child: any, item: Item) => void} update
 */
export function keep(parent, items, keyOf, make, update) {
  const known = new Map([...parent.children].map((child) => [/** @type {any} */ (child).dataset.key, child]));
  items.forEach((item, place) => {
    const key = keyOf(item);
    const child = known.get(key) ?? make(item);
    known.delete(key);
    child.dataset.key = key;
    if (parent.children[place] !== child) parent.insertBefore(child, parent.children[place] ?? null);
    update(child, item);
  });
  for (const child of known.values()) child.remove();
}

/** Replace a table's rows. The first cell of each names it. @param {any} table @param {(string | Node)[][]} rows */
export function fillRows(table, rows) {
  const body = table.tBodies[0] ?? table.appendChild(element("tbody"));
  body.replaceChildren(
    ...rows.map(([name, ...cells]) =>
      element("tr", {}, element("th", { scope: "row" }, name), ...cells.map((cell) => element("td", {}, cell))),
    ),
  );
}

/** Replace the head of a table. @param {any} table @param {(string | Node)[]} names */
export function fillHead(table, names) {
  table.tHead?.remove();
  const cells = names.map((name) => element("th", { scope: "col" }, name));
  table.prepend(element("thead", {}, element("tr", {}, ...cells)));
}
