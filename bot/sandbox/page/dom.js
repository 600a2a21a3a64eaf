// Building and updating DOM nodes. Data only ever becomes text nodes and attributes, never markup,
// so a message that contains HTML stays what it is: text.

/**
 * Makes an element. `null`, `undefined` and `false` props and children are left out; a prop that
 * begins with "on" is an event listener.
 * @template {string} Tag
 * @param {Tag} tag
 * @param {Record<string, any> | null} [props]
 * @param {...(Node | string | null | undefined | false | Array<any>)} children
 * @returns {Tag extends keyof HTMLElementTagNameMap ? HTMLElementTagNameMap[Tag] : HTMLElement}
 */
export function h(tag, props, ...children) {
  const node = /** @type {any} */ (document.createElement(tag));
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "class") node.className = value;
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

let counter = 0;

/** A page-wide unique id, for label/for and aria references. @param {string} stem */
export function uid(stem) {
  counter += 1;
  return `${stem}-${counter}`;
}

/** @param {ParentNode} root @param {string} selector @returns {HTMLElement[]} */
export function all(root, selector) {
  return [...root.querySelectorAll(selector)].map((node) => /** @type {HTMLElement} */ (node));
}

/** @param {string} id @returns {HTMLElement} */
export function byId(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}

/** @type {WeakMap<Element, string>} */
const signatures = new WeakMap();

/**
 * Makes `parent`'s children match `items`, touching only what changed: an untouched node keeps its
 * focus, hover, selection and half-open menus while live updates arrive around it.
 * @param {Element} parent
 * @param {Array<{key: string, sig: string, make: (isUpdate: boolean) => HTMLElement}>} items
 */
export function reconcile(parent, items) {
  const wanted = new Set(items.map((item) => item.key));
  const present = new Map();
  for (const node of /** @type {HTMLElement[]} */ ([...parent.children])) {
    if (wanted.has(node.dataset.key)) present.set(node.dataset.key, node);
    else node.remove();
  }
  let cursor = parent.firstElementChild;
  for (const { key, sig, make } of items) {
    let node = present.get(key);
    if (!node || signatures.get(node) !== sig) {
      const fresh = make(Boolean(node));
      fresh.dataset.key = key;
      signatures.set(fresh, sig);
      if (node) {
        if (cursor === node) cursor = fresh;
        replaceKeepingFocus(node, fresh);
      }
      node = fresh;
    }
    if (node === cursor) cursor = cursor.nextElementSibling;
    else parent.insertBefore(node, cursor);
  }
}

/** @param {Element} old @param {HTMLElement} fresh */
function replaceKeepingFocus(old, fresh) {
  const focused = old.contains(document.activeElement) ? document.activeElement : null;
  old.replaceWith(fresh);
  if (!focused) return;
  const { actionId, focusKey } = /** @type {HTMLElement} */ (focused).dataset;
  const twin = actionId
    ? all(fresh, "[data-action-id]").find((node) => node.dataset.actionId === actionId)
    : focusKey && fresh.querySelector(`[data-focus-key="${focusKey}"]`);
  // The button may be gone (an approved card has none): the message itself is the nearest place to stand.
  (twin instanceof HTMLElement && !twin.hasAttribute("disabled") ? twin : fresh).focus({ preventScroll: true });
}
