// Who may come in, who is here, and locking out a lost device.

import { act } from "./api.js";
import { ask, attempt } from "./ask.js";
import { byId, changed, h, show } from "./dom.js";
import { manner, number } from "./format.js";
import { t, word } from "./i18n.js";
import { age } from "./ticker.js";

export function showDevices(devices, session, refresh) {
  const present = devices.filter((one) => !one.revoked_at);
  const gone = devices.filter((one) => one.revoked_at);
  const online = present.filter((one) => one.online).length;
  byId("devices-count").textContent = t("devices.count", { n: number(online), all: number(present.length) });
  const body = byId("devices-body");
  if (!changed(body, devices, session.device_id, manner())) return;
  const open = body.querySelector("details")?.open;
  const sorted = present.sort((a, b) => Number(b.online) - Number(a.online) || a.name.localeCompare(b.name));
  show(body,
    sorted.length === 0 && h("p", { class: "quiet" }, t("devices.empty")),
    h("ul", { class: "rows" }, sorted.map((one) => paint(one, session, refresh))),
    gone.length > 0 && h("details", { open }, h("summary", { "data-key": "gone" }, t("devices.gone", { n: number(gone.length) })),
      h("ul", { class: "rows" }, gone.map((one) => paint(one, session, refresh)))));
}

function paint(device, session, refresh) {
  const self = device.device_id === session.device_id;
  return h("li", { class: "device" },
    h("span", { class: device.online && !device.revoked_at ? "presence on" : "presence", "aria-hidden": "true" }),
    h("div", { class: "what" },
      h("p", {}, h("strong", {}, device.name), self && h("span", { class: "badge" }, t("this"))),
      h("p", { class: "quiet" }, word("role", device.role), device.table_id && ` ${device.table_id}`, " · ", presence(device))),
    !device.revoked_at && revoke(device, self, refresh));
}

/** Texts with a {time} get a time that grows by itself. */
function presence(device) {
  if (device.revoked_at) return timed("devices.revoked", device.revoked_at);
  if (device.online) return t("devices.online");
  return device.last_seen_at ? timed("devices.seen", device.last_seen_at) : t("devices.never");
}

function timed(key, iso) {
  const [before, after] = t(key, { time: "\u0000" }).split("\u0000");
  return [before, age("ago", iso), after];
}

function revoke(device, self, refresh) {
  const button = h("button", {
    type: "button", class: "plain", "data-key": `revoke ${device.device_id}`,
    "aria-label": t("devices.revoke.label", { name: device.name }),
  }, t("devices.revoke"));
  button.addEventListener("click", async () => {
    const agreed = await ask({
      title: t("devices.revoke.confirm", { name: device.name }),
      body: self ? `${t("devices.revoke.self")} ${t("devices.revoke.body")}` : t("devices.revoke.body"),
      yes: t("devices.revoke"),
      danger: true,
    });
    if (!agreed) return;
    const path = `/v1/devices/${encodeURIComponent(device.device_id)}`;
    await attempt(button, () => act("DELETE", path), t("done.revoke", { name: device.name }));
    refresh();
  });
  return button;
}
