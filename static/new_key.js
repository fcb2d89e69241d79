// What asks for a key, and what shows a secret once (recovery codes too), on top of settings.js.
"use strict";

const HOUR = 3600 * 1000;
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

// A key that is shown can be left once it is copied, or said to be stored.

const gotIt = () => document.querySelector("[data-got-it]");

function gate() {
  const form = gotIt();
  if (!form) return;
  const box = form.querySelector("[type=checkbox]");
  box.required = false;
  form.querySelector("[type=submit]").disabled = !box.checked && !form.hasAttribute("data-copied");
}

function stored() {
  gotIt().setAttribute("data-copied", "");
  gate();
}

function forgetSecret() {
  const panel = secret();
  if (!panel) return;
  panel.textContent = panel.dataset.secret;
  panel.removeAttribute("data-secret");
}

// A file that was saved is as good as a copy.
document.addEventListener("click", (event) => {
  if (event.target.closest("a[download]")) stored();
});

document.addEventListener("copied", (event) => {
  if (event.target.hasAttribute("data-secret-text")) stored();
});

// It comes before what settings.js does with any form.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form !== gotIt()) return;
  event.preventDefault();
  const list = `${form.action}?${new URLSearchParams(new FormData(form))}`;
  forgetSecret();
  dialog()?.close();
  location.assign(list);
}, true);

document.addEventListener("change", (event) => {
  const field = event.target;
  if (gotIt()?.contains(field)) gate();
  if (field.name === "expires_on") sayUntil(field);
});

document.addEventListener("DOMContentLoaded", gate);
document.addEventListener("htmx:afterSettle", gate);

// Neither the history nor a page kept in memory holds on to a secret.
addEventListener("pagehide", forgetSecret);

// The day that was picked, as it will be printed from then on; one beyond the recommended gets a warning.
function sayUntil(field) {
  const latest = field.closest("[data-recommended]").dataset.recommended;
  field.closest(".on-date").previousElementSibling.classList.toggle("beyond", field.value > latest);
  const hint = document.querySelector("[data-until]");
  const [year, month, day] = field.value.split("-").map(Number);
  const begins = day ? beginning(field.value, hint.dataset.until) : "";
  const when = day ? `${day} ${MONTHS[month - 1]} ${year}, ${begins}` : "that day begins";
  hint.textContent = `Valid until ${when} (${hint.dataset.until})`;
}

// The time at which a day begins in a time zone: 00:00, or 01:00 where the clock skips midnight.
function beginning(date, timeZone) {
  const midnight = Date.parse(`${date}T00:00Z`);
  const clock = clockOf(timeZone);
  if (Number.isNaN(midnight) || !clock) return "00:00";
  // A zone has one or two offsets around a day; the right one gives the first moment of that day.
  const offsets = [-24, 24].map((hours) => shownBy(clock, midnight + hours * HOUR) - midnight - hours * HOUR);
  const moments = offsets.map((offset) => midnight - offset).filter((moment) => shownBy(clock, moment) >= midnight);
  const shown = moments.length ? shownBy(clock, Math.min(...moments)) : midnight;
  return new Date(shown).toISOString().slice(11, 16);
}

// Undefined for a time zone that the browser doesn't know.
function clockOf(timeZone) {
  const parts = { year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit" };
  try {
    return new Intl.DateTimeFormat("sv-SE", { timeZone, hourCycle: "h23", ...parts });
  } catch {
    return undefined;
  }
}

// What the clock shows at a moment, as if it were UTC.
function shownBy(clock, moment) {
  return Date.parse(`${clock.format(moment).replace(" ", "T")}Z`);
}
