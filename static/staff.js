// The staff admin: names that its library leaves out, for those who hear the pages or look for landmarks.
"use strict";

function describe(element, text) {
  element.removeAttribute("aria-labelledby");
  element.setAttribute("aria-label", text);
}

// A select that select2 has replaced by a box of its own is still there, and has a label.
function describeBoxes() {
  for (const box of document.querySelectorAll(".select2-selection[aria-labelledby]")) {
    const id = box.getAttribute("aria-labelledby").replace(/^select2-(.*)-container$/, "$1");
    const label = document.querySelector(`label[for="${id}"]`);
    if (!label) continue;
    for (const part of [box, ...box.querySelectorAll("[role=textbox]")]) describe(part, label.firstChild.textContent.trim());
  }
}

new MutationObserver(describeBoxes).observe(document.documentElement, { childList: true, subtree: true });

// What else its scripts build is there when the page has been loaded.
addEventListener("load", () => {
  document.getElementById("main")?.setAttribute("role", "main");

  document.querySelectorAll(".simplebar-content-wrapper").forEach((part, place) => {
    describe(part, part.closest("#nav-sidebar-apps") ? "Pages" : `Table ${place}, scrollable`);
  });

  for (const header of document.querySelectorAll("th")) {
    if (header.textContent.trim() || header.querySelector("input")) continue;
    const text = document.createElement("span");
    text.className = "staff-hidden";
    text.textContent = "Delete";
    header.append(text);
  }
});
