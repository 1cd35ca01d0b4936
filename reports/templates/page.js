// Comfort only: without it the page says the same. Links open the evidence that they lead to, also in browsers
// that do not open <details> for a fragment by themselves.
"use strict";

function reveal() {
  const id = decodeURIComponent(location.hash.slice(1));
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

addEventListener("hashchange", reveal);
reveal();
