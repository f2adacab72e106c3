// A slider over pictures that were drawn beforehand, in decks and on the site: no kernel, no library.
for (const figure of document.querySelectorAll("figure.frames")) {
  const inputs = [...figure.querySelectorAll("input")], image = figure.querySelector("img");
  const {labels, frames, alts} = JSON.parse(figure.querySelector("script").textContent);
  const number = places => places.reduce((index, at, i) => index * labels[i].length + at, 0);
  const places = () => inputs.map(input => input.valueAsNumber);
  // where frames are files: those next to the one that shows, so that a key finds them there
  const ahead = () => inputs.forEach((input, i) => [-2, -1, 1, 2].forEach(step => {
    const there = places();
    there[i] += step;
    const frame = labels[i][there[i]] === undefined ? "data:" : frames[number(there)];
    if (!frame.startsWith("data:")) new Image().src = frame;
  }));
  const show = () => {
    inputs.forEach((input, i) => {
      const label = labels[i][input.valueAsNumber];
      input.parentElement.querySelector("output").value = label;
      input.setAttribute("aria-valuetext", label);
    });
    const index = number(places());
    image.src = frames[index];
    image.alt = alts[index];
    ahead();
  };
  for (const input of inputs) {
    input.addEventListener("input", show);
    input.addEventListener("keydown", event => {  // these keys move the slider, not the slides
      if (event.key.startsWith("Arrow") || ["Home", "End", "PageUp", "PageDown"].includes(event.key)) event.stopPropagation();
    });
  }
  for (const kind of ["focusin", "pointerenter"]) figure.addEventListener(kind, ahead, {once: true});
}
