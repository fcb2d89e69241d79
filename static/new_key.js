// What asks for a key and what shows it once, on top of settings.js.
"use strict";

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

function forgetSecret() {
  const panel = secret();
  if (!panel) return;
  panel.textContent = "The key was shown before. It can’t be shown again.";
  panel.removeAttribute("data-secret");
}

document.addEventListener("copied", (event) => {
  if (!event.target.hasAttribute("data-secret-text")) return;
  gotIt().setAttribute("data-copied", "");
  gate();
});

// It comes before what settings.js does with any form.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form !== gotIt()) return;
  event.preventDefault();
  const list = `${form.action}?${new URLSearchParams(new FormData(form))}`;
  forgetSecret();
  dialog().close();
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
  const when = day ? `${day} ${MONTHS[month - 1]} ${year}, 00:00` : "00:00 of that day";
  hint.textContent = `Valid until ${when} (${hint.dataset.until})`;
}
