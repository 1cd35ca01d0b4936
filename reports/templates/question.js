// Shows two servers side by side and hides the others; the fragment says which ones.
(() => {
  const form = document.querySelector(".compare");
  const [first, second] = form.querySelectorAll("select");
  const strips = [...document.querySelectorAll(".strip")];
  const START = "#compare";

  function apply() {
    const wanted = [first.value, second.value].filter(Boolean);
    for (const strip of strips) {
      strip.hidden = wanted.length > 0 && !wanted.includes(strip.id);
      strip.style.order = strip.id === second.value && first.value ? 1 : 0;
    }
    document.querySelector(".strips").classList.toggle("pair", new Set(wanted).size === 2);
    const shown = strips.filter((strip) => !strip.hidden).length;
    form.querySelector("[role=status]").textContent = `${shown} of ${strips.length} servers shown`;
  }

  function read() {
    const hash = location.hash;
    if (hash.startsWith(START)) {
      const choice = new URLSearchParams(hash.slice(START.length + 1));
      first.value = choice.get("first") || "";
      second.value = choice.get("second") || "";
    } else if (hash.length > 1 && strips.some((strip) => strip.id === hash.slice(1) && strip.hidden)) {
      first.value = second.value = "";
    }
    apply();
    if (hash.startsWith(START)) form.scrollIntoView();
  }

  form.hidden = false;
  form.addEventListener("input", () => {
    const choice = new URLSearchParams({ first: first.value, second: second.value });
    history.replaceState(null, "", `${START}?${choice}`);
    apply();
  });
  form.querySelector(".clear").addEventListener("click", () => {
    first.value = second.value = "";
    history.replaceState(null, "", "#timelines");
    apply();
    first.focus();
  });
  addEventListener("hashchange", read);
  read();
})();
