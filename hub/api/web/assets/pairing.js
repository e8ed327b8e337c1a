// Letting a device in: a QR code, the same code to type, and six digits to compare, for a few minutes.

import { get, once } from "./api.js";
import { why } from "./ask.js";
import { byId, h, say, show } from "./dom.js";
import { duration, now, number } from "./format.js";
import { t, word } from "./i18n.js";

const ROLES = ["handheld", "register", "kitchen", "table", "manager", "technician"];
const MINUTES = [5, 10, 30];

let offer = null;
let wish = null;
// The address that the offer was made for: after a new lease the QR code must carry the new one.
let address = "";
let known = new Set();
let paired = null;

export function startPairing(refreshDevices) {
  byId("pairing-role").addEventListener("change", chooseRole);
  byId("pairing-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = event.submitter ?? byId("pairing-form").querySelector("button");
    button.disabled = true;
    say(byId("pairing-wrong"), "");
    try {
      const role = byId("pairing-role").value;
      wish = { role, minutes: Number(byId("pairing-minutes").value) };
      if (role === "table") wish.table_id = byId("pairing-table").value.trim();
      await refreshDevices(); // So that whoever is new afterwards is new because of this code.
      await makeOffer();
    } catch (error) {
      say(byId("pairing-wrong"), t("failed", { why: why(error) }));
    } finally {
      button.disabled = false;
    }
  });
}

export function showPairingForm(role) {
  const fill = (id, values, write) => {
    const select = byId(id);
    const chosen = select.value;
    select.replaceChildren(...values.map((value) => h("option", { value }, write(value))));
    if (chosen) select.value = chosen;
  };
  fill("pairing-role", ROLES, (one) => word("role", one));
  fill("pairing-minutes", MINUTES, (one) => t("pair.minutes.n", { n: number(one) }));
  byId("pairing-form").dataset.reader = role;
  chooseRole();
  showPairing();
}

async function chooseRole() {
  const table = byId("pairing-role").value === "table";
  byId("pairing-table-label").hidden = !table;
  byId("pairing-table").required = table;
  const tables = byId("pairing-tables");
  // A technician may not read the menu and types the table's id.
  if (!table || tables.childElementCount > 0 || byId("pairing-form").dataset.reader === "technician") return;
  try {
    const menu = await get("/v1/menu");
    tables.replaceChildren(...menu.tables.map((one) => h("option", { value: one.id }, one.name)));
  } catch {
    // The id can be typed without the list.
  }
}

async function makeOffer() {
  offer = await once("POST", "/console/pairing-codes", wish);
  address = offer.url;
  paired = null;
  showPairing();
}

/** Where devices reach the box now. A code that is shown is made again when that has changed. */
export async function addressIs(url) {
  if (!offer || paired || !url || url === address || left_s() <= 0) return;
  address = url;
  try {
    await makeOffer();
  } catch {
    // The old code is shown until it runs out; a person makes another.
  }
}

/** Tells the panel who is paired; someone new with the code's role has used it. */
export function devicesAre(devices) {
  const fresh = devices.find((one) => !known.has(one.device_id) && !one.revoked_at);
  if (offer && !paired && fresh?.role === offer.role && known.size > 0) {
    paired = fresh.name;
    showPairing();
  }
  known = new Set(devices.map((one) => one.device_id));
}

export function forgetPairing() {
  offer = paired = null;
  known = new Set();
  showPairing();
}

function showPairing() {
  const body = byId("pairing-body");
  byId("pairing-form").hidden = offer !== null;
  if (!offer) return body.replaceChildren();
  const done = h("button", { type: "button", class: "plain", "data-key": "pairing-done" }, t(paired ? "pair.done" : "close"));
  done.addEventListener("click", () => {
    offer = paired = null;
    showPairing();
    byId("pairing-role").focus({ preventScroll: true });
  });
  if (paired) show(body, h("p", { class: "notice green" }, h("strong", {}, t("pair.used", { name: paired }))), h("div", { class: "actions" }, done));
  else if (left_s() <= 0) show(body, h("p", { class: "notice amber" }, t("pair.expired")), h("div", { class: "actions" }, done));
  else show(body, paint(), h("div", { class: "actions" }, done));
}

const left_s = () => (Date.parse(offer.expires_at) - now()) / 1000;

function paint() {
  return h("div", { class: "offer" },
    h("img", {
      class: "qr", width: 200, height: 200, alt: t("pair.qr", { role: word("role", offer.role) }),
      src: `data:image/svg+xml,${encodeURIComponent(standalone(offer.qr_svg))}`,
    }),
    h("div", {},
      h("p", {}, h("strong", {}, word("role", offer.role)), " · ", h("span", { id: "pairing-left" }, t("pair.left", { time: duration(left_s()) }))),
      h("p", { class: "quiet" }, t("pair.scan")),
      h("p", { class: "label" }, t("pair.code")), h("p", { class: "typed" }, offer.code),
      h("p", { class: "label" }, t("pair.digits")),
      h("p", { class: "typed digits" }, String(offer.digits).replace(/^(\d{3})(\d{3})$/, "$1 $2")),
      h("p", { class: "quiet" }, t("pair.digits.why")),
      h("p", { class: "label" }, t("pair.address")), h("p", {}, h("code", {}, offer.url))));
}

// As an image of its own an SVG must say what it is; as part of a page it need not.
const standalone = (svg) => (svg.includes("xmlns=") ? svg : svg.replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"'));

/** Once a second. */
export function tickPairing() {
  if (!offer || paired) return;
  const left = byId("pairing-left");
  if (!left) return;
  if (left_s() <= 0) showPairing();
  // The countdown alone changes: a live region that spoke every second would drown everything else.
  else say(left, t("pair.left", { time: duration(left_s()) }));
}
