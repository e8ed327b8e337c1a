// Elements are made only here and hold text only as text: names and reasons from outside never become markup.

const SVG = "http://www.w3.org/2000/svg";

function fill(element, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat(2).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export const h = (tag, properties = {}, ...children) => fill(document.createElement(tag), properties, children);
export const s = (tag, properties = {}, ...children) => fill(document.createElementNS(SVG, tag), properties, children);
export const byId = (id) => document.getElementById(id);

/** Sets the text only when it differs, so that a live region speaks once for each change. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Replaces what is shown; the focus stays on the control with the same data-key, or goes to the container. */
export function show(container, ...children) {
  const focused = document.activeElement;
  const inside = container.contains(focused) && focused !== container;
  const key = inside ? focused.dataset.key : undefined;
  container.replaceChildren(...children.flat(2).filter(Boolean));
  if (!inside) return;
  const again = key && [...container.querySelectorAll("[data-key]")].find((one) => one.dataset.key === key);
  if (again) again.focus({ preventScroll: true });
  else {
    container.tabIndex = -1;
    container.focus({ preventScroll: true });
  }
}

const seen = new WeakMap();

/** True when what a part shows has changed since it was last shown. */
export function changed(container, ...shown) {
  const now = JSON.stringify(shown);
  if (seen.get(container) === now) return false;
  seen.set(container, now);
  return true;
}
