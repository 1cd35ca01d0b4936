// Rows of the matrices are shown when one of their answers, in a column that is shown, matches every choice.
// The choices stand in the fragment, so that a view can be linked to.
(() => {
  const form = document.querySelector(".filter");
  if (!form) return;
  const fields = [...form.querySelectorAll("select, input")];
  const status = form.querySelector("[role=status]");
  const link = form.querySelector(".here");
  const START = "#show";
  const parts = (text) => text.toLowerCase().split(/[\s,]+/).filter(Boolean);
  const plural = (number, word) => `${word}${number === 1 ? "" : "s"}`;

  // A cell's token is a level's initial and an answer's code; a protocol may follow it, or stands at the cell or its row.
  const answers = (cell, row) =>
    cell.dataset.a.split(" ").map((token) => ({
      level: token[0], answer: token[1], protocol: token.slice(3) || cell.dataset.p || row.dataset.p,
    }));
  const tables = [...document.querySelectorAll("table[data-rows]")].map((table) => ({
    what: table.dataset.rows,
    heads: table.classList.contains("wide") ? [...table.tHead.rows[0].cells].slice(1) : [],
    rows: [...table.querySelectorAll("[data-f]")].map((row) => {
      const line = row.rows ? row.rows[0] : row;
      return {
        row,
        families: row.dataset.f.split("|"),
        text: `${line.cells[0].textContent} ${row.dataset.t} ${row.dataset.f}`.toLowerCase(),
        cells: [...line.cells].slice(1),
        answers: [...line.cells].slice(1).map((cell) => (cell.dataset.a ? answers(cell, row) : [])),
      };
    }),
    groups: [...table.querySelectorAll(".group")],
  }));

  function columns(table, chosen) {
    const wanted = parts(chosen.servers || "");
    return table.heads.map((head) => {
      const name = head.textContent.toLowerCase();
      return !wanted.length || wanted.some((part) => name.includes(part));
    });
  }

  function matches(entry, shown, chosen, wanted) {
    if (chosen.family && !entry.families.includes(chosen.family)) return false;
    if (!wanted.every((word) => entry.text.includes(word))) return false;
    const narrowed = chosen.protocol || chosen.level || chosen.answer || shown.includes(false);
    return !narrowed || entry.answers.some((cell, place) => shown[place] !== false && cell.some((one) =>
      (!chosen.protocol || one.protocol === chosen.protocol) &&
      (!chosen.level || one.level === chosen.level) &&
      (!chosen.answer || one.answer === chosen.answer)));
  }

  function apply(chosen) {
    const wanted = parts(chosen.find || "");
    const counts = new Map();
    let servers = "";
    for (const table of tables) {
      const shown = columns(table, chosen);
      const hiding = table.heads.some((head, place) => head.hidden === shown[place]);
      table.heads.forEach((head, place) => { head.hidden = !shown[place]; });
      const count = counts.get(table.what) || { shown: 0, all: 0 };
      for (const entry of table.rows) {
        entry.row.hidden = !matches(entry, shown, chosen, wanted);
        count.shown += !entry.row.hidden;
        count.all += 1;
        if (hiding) entry.cells.forEach((cell, place) => { cell.hidden = !shown[place]; });
      }
      counts.set(table.what, count);
      for (const group of table.groups) {
        let next = group.nextElementSibling;
        while (next && next.hidden && !next.classList.contains("group")) next = next.nextElementSibling;
        group.hidden = !next || next.classList.contains("group");
      }
      if (table.heads.length) servers = `, ${shown.filter(Boolean).length} of ${shown.length} servers`;
    }
    const summary = [...counts].map(([what, { shown, all }]) => `${shown} of ${all} ${plural(all, what)}`);
    status.textContent = summary.join(", ") + servers + " shown";
  }

  function chosen() {
    return Object.fromEntries(fields.map((field) => [field.name, field.value]).filter(([, value]) => value));
  }

  function changed() {
    const now = chosen();
    const address = Object.keys(now).length ? `${START}?${new URLSearchParams(now)}` : "";
    link.hidden = !address;
    if (address) link.href = address;
    if (address || location.hash.startsWith(START)) history.replaceState(null, "", address || "#matrix");
    apply(now);
  }

  function read() {
    if (!location.hash.startsWith(START)) return false;
    const values = new URLSearchParams(location.hash.slice(START.length + 1));
    for (const field of fields) {
      const value = values.get(field.name) || "";
      field.value = value;
      if (field.value !== value) field.value = "";
    }
    changed();
    form.scrollIntoView();
    return true;
  }

  form.hidden = false;
  form.addEventListener("input", changed);
  form.querySelector(".clear").addEventListener("click", () => {
    for (const field of fields) field.value = "";
    changed();
    fields[0].focus();
  });
  addEventListener("hashchange", read);
  if (!read()) apply(chosen());
})();
