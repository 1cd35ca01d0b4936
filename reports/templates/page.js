// For comfort only: without it the page says the same. Links open the evidence that they lead to, also in browsers
// that do not open <details> for a fragment by themselves.
"use strict";

function reveal() {
  let id = location.hash.slice(1);
  try { id = decodeURIComponent(id); } catch { /* Then it is no id of ours. */ }
  const target = id && document.getElementById(id);
  if (!target) return;
  for (let box = target.closest("details"); box; box = box.parentElement.closest("details")) box.open = true;
  target.scrollIntoView();
}

for (const tools of document.querySelectorAll(".tools")) {
  tools.hidden = false;
  tools.addEventListener("click", (event) => {
    const wanted = event.target.dataset.rows;
    if (!wanted) return;
    for (const box of document.querySelectorAll(".matrix input")) box.checked = wanted === "open";
  });
}

// The theme is the system's until the button is pressed; then it is remembered while the tab is open, if the browser
// lets a page from disk remember anything.
const remembered = {
  get() { try { return sessionStorage.getItem("lastcall-theme"); } catch { return null; } },
  set(theme) { try { sessionStorage.setItem("lastcall-theme", theme); } catch { /* This page alone keeps it. */ } },
};

function show(theme) {
  const other = theme === "dark" ? "light" : "dark";
  document.documentElement.dataset.theme = theme;
  button.textContent = other === "dark" ? "Dark theme" : "Light theme";
  button.dataset.to = other;
}

const button = document.querySelector(".theme");
show(remembered.get() || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light"));
button.hidden = false;
button.addEventListener("click", () => {
  remembered.set(button.dataset.to);
  show(button.dataset.to);
});

addEventListener("hashchange", reveal);
reveal();
