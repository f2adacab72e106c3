// Two labels of the theme hide the words that one sees: who speaks to the computer says those words.
for (const each of document.querySelectorAll("details > summary[aria-label], button.search-button-field[aria-label]"))
  each.removeAttribute("aria-label");
// tables that no phone has room for: course.css makes cards of their rows, each cell under the words of its column
for (const table of document.querySelectorAll(".bd-article table")) {
  const heads = [...table.querySelectorAll("thead th")].map(head => head.textContent.trim());
  if (heads.length < 5) continue;
  table.classList.add("many");
  for (const row of table.querySelectorAll("tbody tr"))
    [...row.children].forEach((cell, i) => { cell.dataset.head = heads[i] ? heads[i] + ":" : ""; });
}
// a formula wider than a phone scrolls: by keyboard as well
const reach = () => document.querySelectorAll("mjx-container[display]").forEach(each => {
  if (each.scrollWidth > each.clientWidth) each.tabIndex = 0;
});
addEventListener("load", () => window.MathJax?.startup?.promise?.then(reach));
addEventListener("resize", reach);
