// Two labels of the theme hide the words that one sees: who speaks to the computer says those words.
for (const each of document.querySelectorAll("details > summary[aria-label], button.search-button-field[aria-label]"))
  each.removeAttribute("aria-label");
