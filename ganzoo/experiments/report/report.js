"use strict";
for (const table of document.querySelectorAll("table.sortable")) {
  for (const button of table.querySelectorAll("th button")) {
    button.addEventListener("click", () => sort(table, button.closest("th")));
  }
}

function sort(table, head) {
  const down = head.getAttribute("aria-sort") === "ascending";
  for (const other of table.querySelectorAll("th[aria-sort]")) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", down ? "descending" : "ascending");
  const column = Number(head.dataset.column);
  const body = table.tBodies[0];
  body.append(...[...body.rows].sort((a, b) => compare(a.cells[column], b.cells[column], down ? -1 : 1)));
}

// Cells without a value stay last in both directions.
function compare(a, b, sign) {
  const [x, y] = [a.dataset.value, b.dataset.value];
  if (x === "" || y === "") return (x === "") - (y === "");
  return sign * (a.tagName === "TH" ? x.localeCompare(y) : Number(x) - Number(y));
}

for (const button of document.querySelectorAll("button[data-copy]")) {
  button.addEventListener("click", async () => {
    const done = await copy(document.getElementById(button.dataset.copy));
    button.parentElement.querySelector("[role=status]").textContent = done ? "Copied." : "Select the text below to copy it.";
  });
}

// A page from a file or over http may have no clipboard: then the browser's own command copies a selection.
async function copy(source) {
  try {
    await navigator.clipboard.writeText(source.textContent);
    return true;
  } catch {
    source.closest("details").open = true;
    getSelection().selectAllChildren(source);
    return document.execCommand("copy");
  }
}
