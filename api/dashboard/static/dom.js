// Helpers that create and update elements.

/**
 * Return the element with this id. The page must contain it.
 * @param {string} id
 * @returns {any}
 */
export const byId = (id) => document.getElementById(id);

/**
 * Create an element.
 * @param {string} name
 * @param {Record<string, unknown>} attributes A function becomes an event listener, true an empty attribute. Attributes
 *   that are false, null or undefined are left out.
 * @param {...(Node | string | number)} children
 * @returns {any}
 */
export function element(name, attributes = {}, ...children) {
  const created = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") created.addEventListener(key, /** @type {EventListener} */ (value));
    else if (value === true) created.setAttribute(key, "");
    else if (value !== false && value !== null && value !== undefined) created.setAttribute(key, String(value));
  }
  created.append(...children.map((child) => (child instanceof Node ? child : String(child))));
  return created;
}

/**
 * Set the text of an element if it has changed.
 * @param {Element} target
 * @param {unknown} value null and undefined give an empty text.
 */
export function setText(target, value) {
  const text = value === null || value === undefined ? "" : String(value);
  if (target.textContent !== text) target.textContent = text;
}

/**
 * Set the text of an element, and hide the element if the text is empty.
 * @param {any} target
 * @param {unknown} text
 */
export function showText(target, text) {
  setText(target, text);
  target.hidden = !text;
}

/**
 * Select a value. Add it to the choices if it is missing.
 * @param {any} select
 * @param {string} value
 */
export function choose(select, value) {
  offer(select, value);
  select.value = value;
}

/**
 * Add a value to the choices if it is missing.
 * @param {any} select
 * @param {string} value
 */
export function offer(select, value) {
  if (![...select.options].some((option) => option.value === value)) select.add(new Option(value, value));
}

/**
 * Give an element one child per item, in order. A child whose item remains is reused, so it keeps its focus.
 * @template Item
 * @param {Element} parent
 * @param {Item[]} items
 * @param {(item: Item) => string} keyOf
 * @param {(item: Item) => any} create
 * @param {(child: any, item: Item) => void} update
 */
export function updateChildren(parent, items, keyOf, create, update) {
  const unused = new Map([...parent.children].map((child) => [/** @type {any} */ (child).dataset.key, child]));
  items.forEach((item, index) => {
    const key = keyOf(item);
    const child = unused.get(key) ?? create(item);
    unused.delete(key);
    child.dataset.key = key;
    if (parent.children[index] !== child) parent.insertBefore(child, parent.children[index] ?? null);
    update(child, item);
  });
  for (const child of unused.values()) child.remove();
}

/**
 * Replace the items of a list.
 * @param {Element} list
 * @param {string[]} texts
 */
export const setItems = (list, texts) => list.replaceChildren(...texts.map((text) => element("li", {}, text)));

/**
 * Replace the names and values of a description list.
 * @param {Element} list
 * @param {(string | Node)[][]} pairs
 */
export const setPairs = (list, pairs) =>
  list.replaceChildren(...pairs.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]));

/**
 * Replace the body rows of a table. The first cell of each row is its header.
 * @param {any} table
 * @param {(string | Node)[][]} rows
 */
export function setRows(table, rows) {
  const body = table.tBodies[0] ?? table.appendChild(element("tbody"));
  body.replaceChildren(
    ...rows.map(([header, ...cells]) =>
      element("tr", {}, element("th", { scope: "row" }, header), ...cells.map((cell) => element("td", {}, cell))),
    ),
  );
  for (const row of body.rows) labelCells(table, row);
}

/**
 * Label the cells of a row with the headers of their columns, which narrow screens show beside them.
 * @param {any} table
 * @param {any} row
 */
export function labelCells(table, row) {
  [...row.cells].forEach((cell, column) => {
    cell.dataset.label = table.tHead?.rows[0].cells[column].textContent ?? "";
  });
}

/**
 * Replace the column headers of a table.
 * @param {any} table
 * @param {(string | Node)[]} headers
 */
export function setColumns(table, headers) {
  table.tHead?.remove();
  const cells = headers.map((header) => element("th", { scope: "col" }, header));
  table.prepend(element("thead", {}, element("tr", {}, ...cells)));
}
