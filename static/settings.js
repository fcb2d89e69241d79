// Beyond plain HTML. All works without this file: dialogs are then pages, and `.with-script` is hidden.
"use strict";

const root = document.documentElement;
root.classList.add("js");

const COPIED_FOR = 2000;
const TOAST_FOR = 5000;
const WAIT_SHOWN_AFTER = 300;
const WAIT_AT_MOST = 20000;

const dialog = () => document.getElementById("dialog");
const secret = () => document.querySelector("[data-secret]");

// What is said: in the dialog while one is open, since whatever lies behind it can't be read

function live(name) {
  return document.getElementById(dialog()?.open ? `dialog-${name}` : name);
}

function say(text) {
  live("said").textContent = text;
}

// Say what went wrong, until it is closed or a retry works.
let faulty;

function fault(text, control) {
  const line = document.getElementById("fault").content.cloneNode(true);
  line.querySelector("p").textContent = text;
  live("faults").replaceChildren(line);
  faulty = control;
}

function endFaults() {
  for (const name of ["faults", "dialog-faults"]) document.getElementById(name)?.replaceChildren();
}

function endToasts() {
  for (const line of document.querySelectorAll(".toast:not(.wrong)")) setTimeout(() => line.remove(), TOAST_FOR);
}

// Copying

async function copy(button) {
  const source = document.getElementById(button.dataset.copy);
  const word = button.querySelector("[data-copy-word]");
  if (!(await write(source))) return fault("The browser didn’t copy. Select the text and copy it yourself.", button);
  endFaults();
  word.textContent = "Copied";
  button.classList.add("done");
  say("Copied");
  setTimeout(() => {
    word.textContent = "Copy";
    button.classList.remove("done");
  }, COPIED_FOR);
  source.dispatchEvent(new Event("copied", { bubbles: true }));
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

// A link or form marked `data-dialog` opens its page's panel in the dialog, and forms inside stay inside.

function open(method, url, source) {
  // What fails is told by an event as well (below).
  htmx.ajax(method, url, { source, target: "#dialog-body", select: "#panel", swap: "innerHTML" }).catch(() => {});
}

function opensDialog(element) {
  // On the page that a panel has to itself, its links lead to pages as well.
  return Boolean(window.htmx && element.hasAttribute("data-dialog") && !element.closest("main #panel"));
}

// A dialog brings along the files that its page loads; a file that can't be loaded keeps no dialog from opening.
function bring(page) {
  const files = [...page.head.querySelectorAll("link[rel=stylesheet], script[src]")];
  return Promise.all(files.map((file) => {
    const name = file.src ? "src" : "href";
    const path = file.getAttribute(name);
    if (document.head.querySelector(`[${name}="${path}"]`)) return null;
    const own = document.createElement(file.localName);
    own.rel = file.rel;
    own.setAttribute(name, path);
    return new Promise((resolve) => {
      own.onload = own.onerror = resolve;
      document.head.append(own);
    });
  }));
}

// A dialog begins at its top. The focus is on its first field, or on its title if the field is out of sight there.
function shown() {
  if (!dialog().open) dialog().showModal();
  const wrong = dialog().querySelector("[aria-invalid=true]");
  if (wrong) return wrong.focus();
  dialog().scrollTop = 0;
  const footer = dialog().querySelector(".foot")?.offsetHeight ?? 0;
  const last = dialog().getBoundingClientRect().bottom - footer;
  const focused = document.activeElement;
  if (focused !== dialog() && dialog().contains(focused) && focused.getBoundingClientRect().bottom <= last) return;
  const title = dialog().querySelector("h1");
  title.tabIndex = -1;
  title.focus({ preventScroll: true });
}

document.addEventListener("click", (event) => {
  const target = event.target;
  const copyButton = target.closest("[data-copy]");
  if (copyButton) return void copy(copyButton);
  if (target.matches(".toast-close")) {
    endFaults();
    return faulty?.focus();
  }
  if (target.matches("[role=switch]")) {
    // It moves when the server has answered, not before.
    event.preventDefault();
    return target.form.requestSubmit();
  }
  if (target === dialog() && !secret()) return dialog().close();
  const link = target.closest("a");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  if (link.hasAttribute("data-close") && dialog().open) {
    event.preventDefault();
    dialog().close();
  } else if (opensDialog(link)) {
    event.preventDefault();
    open("GET", link.href, link);
  }
});

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.hasAttribute("hx-post")) return;
  if (opensDialog(form) || dialog()?.contains(form)) {
    event.preventDefault();
    if (!form.querySelector("[aria-disabled=true]")) open(form.method, form.action, form);
  } else {
    setTimeout(wait(form), WAIT_AT_MOST);
  }
});

// Esc and the back gesture close a dialog, but not over a secret that may not have been stored yet.
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && secret()) event.preventDefault();
});

document.addEventListener("close", (event) => {
  if (event.target !== dialog()) return;
  if (secret()) return dialog().showModal();
  document.getElementById("dialog-body").replaceChildren();
  endFaults();
}, true);

// Waiting shows on the button, the link or the switch that was used. Returns the function that ends it.

function controlOf(source) {
  return source.matches("form") ? source.querySelector("[role=switch], [type=submit]") : source;
}

function wait(source) {
  const control = controlOf(source);
  const timer = setTimeout(() => {
    control?.setAttribute("aria-busy", "true");
    say("Waiting for the server");
  }, WAIT_SHOWN_AFTER);
  return () => {
    clearTimeout(timer);
    control?.removeAttribute("aria-busy");
  };
}

const waits = new WeakMap();

document.addEventListener("htmx:beforeRequest", (event) => {
  const form = event.target;
  const buttons = form.method === "post" ? form.querySelectorAll("[type=submit]") : [];
  for (const button of buttons) button.setAttribute("aria-disabled", "true");
  const ended = wait(form);
  waits.set(event.detail.xhr, () => {
    ended();
    for (const button of buttons) button.removeAttribute("aria-disabled");
  });
});

document.addEventListener("htmx:afterRequest", (event) => {
  // On the way to another page a form isn't sent again.
  if (!event.detail.xhr.getResponseHeader("HX-Redirect")) waits.get(event.detail.xhr)?.();
});

document.addEventListener("htmx:beforeSwap", (event) => {
  const { target, xhr } = event.detail;
  if (isSignIn(xhr) && !secret()) {
    event.detail.shouldSwap = false;
    location.reload();
  } else if (isSignIn(xhr) || (target.id === "dialog-body" && event.detail.shouldSwap && !read(xhr).querySelector("#panel"))) {
    event.detail.shouldSwap = false;
    event.detail.isError = true;
  }
});

document.addEventListener("htmx:afterSettle", (event) => {
  endFaults();
  endToasts();
  if (event.detail.target.id === "dialog-body") bring(read(event.detail.xhr)).then(shown);
});

// What went wrong, what became of what the form was to do (in the form's own words), and what to do about it.

const REASONS = {
  403: "Your role doesn’t permit this any more.",
  404: "What this is about no longer exists: somebody has deleted it.",
  409: "Somebody else changed the same thing at the same moment.",
  413: "The form is too large.",
  429: "There were too many requests in a short time.",
};

// The session has ended: what came back is the sign-in page, which is no part of this one.
function isSignIn(xhr) {
  return new URL(xhr.responseURL, location).pathname.startsWith("/accounts/");
}

function read(xhr) {
  return new DOMParser().parseFromString(xhr.responseText, "text/html");
}

function reasonOf(kind, xhr) {
  if (kind === "htmx:timeout") return "No answer came within 20 seconds.";
  if (!xhr.status) return navigator.onLine ? "The server can’t be reached." : "You are offline.";
  if (isSignIn(xhr)) return "You have been signed out: sign in again in another tab.";
  const own = read(xhr).querySelector("[data-reason]");
  if (own) return own.textContent;
  return REASONS[xhr.status] ?? (xhr.status < 500 ? "The server didn’t understand this." : "Something went wrong on our side.");
}

function outcomeOf(xhr, form) {
  if (form.method !== "post") return "";
  if ((xhr.status >= 400 && xhr.status < 500) || isSignIn(xhr)) return form.dataset.undone ?? "Nothing was changed.";
  return form.dataset.unknown ?? "It isn’t known whether anything was changed: reload the page and look before you try again.";
}

function remedyOf(xhr, form) {
  const seconds = xhr.getResponseHeader("Retry-After");
  if (seconds) return `Wait ${seconds} second${seconds === "1" ? "" : "s"}, then try again.`;
  if (xhr.status === 429) return "Wait a minute, then try again.";
  if (xhr.status === 403) return "";
  if (xhr.status >= 400 && xhr.status < 500) return "Reload the page to see how things are.";
  return form.method === "post" ? "" : "Try again in a minute.";
}

for (const name of ["htmx:responseError", "htmx:sendError", "htmx:timeout"]) {
  document.addEventListener(name, ({ type, target, detail: { xhr } }) => {
    // A page that gives a reason of its own, such as a membership that has ended, knows better.
    const gone = xhr.status === 404 && !read(xhr).querySelector("[data-reason]") && target.dataset.gone;
    const words = gone || [reasonOf(type, xhr), outcomeOf(xhr, target), remedyOf(xhr, target)].filter(Boolean).join(" ");
    fault(words, controlOf(target));
  });
}

document.addEventListener("DOMContentLoaded", () => {
  endToasts();
  document.querySelector(".nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
});
