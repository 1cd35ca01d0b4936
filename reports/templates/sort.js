// The heads of the figures become buttons that sort: numbers from the worst on, names from the first.
(() => {
  for (const table of document.querySelectorAll(".figures")) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, place) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = head.textContent;
      head.replaceChildren(button);
      button.addEventListener("click", () => {
        const first = place === 0 ? "ascending" : "descending";
        const other = place === 0 ? "descending" : "ascending";
        const order = head.getAttribute("aria-sort") === first ? other : first;
        for (const cell of heads) cell.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", order);
        const value = (row) => row.cells[place].dataset.v;
        const compare = place === 0 ? (a, b) => value(a).localeCompare(value(b)) : (a, b) => value(a) - value(b);
        const rows = [...table.tBodies[0].rows].sort((a, b) => (order === "ascending" ? compare(a, b) : compare(b, a)));
        table.tBodies[0].append(...rows);
      });
    });
  }
})();
