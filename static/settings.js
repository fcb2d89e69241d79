// Beyond plain HTML. All works without this file: dialogs are then pages, and `.with-script` is hidden.
"use strict";

const root = document.documentElement;
root.classList.add("js");

const COPIED_FOR = 2000;
const TOAST_FOR = 5000;
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

const dialog = () => document.getElementById("dialog");
const secret = () => document.querySelector("[data-secret]");

function say(text) {
  document.getElementById("said").textContent = text;
}

// Toasts

function toast(text, wrong) {
  const line = document.createElement("p");
  line.className = wrong ? "toast wrong" : "toast";
  line.textContent = text;
  document.getElementById("toasts").append(line);
  endToasts();
}

function endToasts() {
  for (const line of document.querySelectorAll(".toast:not(.wrong)")) setTimeout(() => line.remove(), TOAST_FOR);
}

// Copying

async function copy(button) {
  const source = document.getElementById(button.dataset.copy);
  const word = button.querySelector("[data-copy-word]");
  if (!(await write(source))) return toast("The browser didn’t copy. Select the text and copy it yourself.", true);
  word.textContent = "Copied";
  button.classList.add("done");
  say("Copied");
  setTimeout(() => {
    word.textContent = "Copy";
    button.classList.remove("done");
  }, COPIED_FOR);
  if (source.hasAttribute("data-secret-text")) allowGotIt();
}

// Outside a secure context there is no clipboard to write to; the older way copies what is selected.
async function write(source) {
  try {
    await navigator.clipboard.writeText(source.textContent);
    return true;
  } catch {
    getSelection().selectAllChildren(source);
    return document.execCommand("copy");
  }
}

// The key, shown once

function gate() {
  const form = document.querySelector("[data-got-it]");
  if (!form) return;
  const box = form.querySelector("[type=checkbox]");
  box.required = false;
  form.querySelector("[type=submit]").disabled = !box.checked && !form.hasAttribute("data-copied");
}

function allowGotIt() {
  document.querySelector("[data-got-it]").setAttribute("data-copied", "");
  gate();
}

function forgetSecret() {
  const panel = secret();
  if (!panel) return;
  panel.textContent = "The key was shown before. It can’t be shown again.";
  panel.removeAttribute("data-secret");
}

// A link or form marked `data-dialog` opens its page's panel in the dialog, and forms inside stay inside.

function open(method, url, source) {
  htmx.ajax(method, url, { source, target: "#dialog", select: "#panel", swap: "innerHTML" });
}

function inDialog(element) {
  return Boolean(window.htmx && dialog() && (element.hasAttribute("data-dialog") || dialog().contains(element)));
}

function shown() {
  gate();
  if (!dialog().open) dialog().showModal();
  dialog().querySelector("[aria-invalid=true]")?.focus();
}

document.addEventListener("click", (event) => {
  const target = event.target;
  const copyButton = target.closest("[data-copy]");
  if (copyButton) return void copy(copyButton);
  if (target === dialog() && !secret()) return dialog().close();
  const link = target.closest("a");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  if (link.hasAttribute("data-close") && dialog().open) {
    event.preventDefault();
    dialog().close();
  } else if (link.hasAttribute("data-dialog") && window.htmx) {
    event.preventDefault();
    open("GET", link.href, link);
  }
});

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.hasAttribute("data-got-it")) {
    event.preventDefault();
    forgetSecret();
    dialog().close();
    location.assign(form.action);
  } else if (inDialog(form)) {
    event.preventDefault();
    open(form.method, form.action, form);
  }
});

document.addEventListener("change", (event) => {
  const field = event.target;
  if (field.matches("[role=switch]")) field.form.requestSubmit();
  if (field.closest("[data-got-it]")) gate();
  if (field.name === "expires_on") sayUntil(field);
});

// Esc and the back gesture close a dialog, but not over a secret that may not have been stored yet.
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && secret()) event.preventDefault();
});

document.addEventListener("close", (event) => {
  if (event.target !== dialog()) return;
  if (secret()) return dialog().showModal();
  dialog().replaceChildren();
  for (const form of document.querySelectorAll(".switch-form")) form.reset();
}, true);

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

// htmx

document.addEventListener("htmx:beforeRequest", (event) => {
  const form = event.target;
  if (form.method === "post") for (const button of form.querySelectorAll("[type=submit]")) button.disabled = true;
});

document.addEventListener("htmx:beforeSwap", (event) => {
  // The session has ended: what came back is the sign-in page, which is no part of this one.
  if (new URL(event.detail.xhr.responseURL, location).pathname.startsWith("/accounts/")) {
    event.detail.shouldSwap = false;
    location.reload();
  }
});

document.addEventListener("htmx:afterSettle", (event) => {
  if (event.detail.target === dialog()) shown();
  endToasts();
});

for (const name of ["htmx:responseError", "htmx:sendError", "htmx:timeout"]) {
  document.addEventListener(name, (event) => {
    const form = event.target;
    if (form.matches?.("form")) for (const button of form.querySelectorAll("[type=submit]")) button.disabled = false;
    for (const each of document.querySelectorAll(".switch-form")) each.reset();
    toast("That didn’t work, and nothing is known to have changed. Reload the page and look before you try again.", true);
  });
}

document.addEventListener("DOMContentLoaded", () => {
  gate();
  endToasts();
  document.querySelector(".nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
});
