// A slider over pictures that were drawn beforehand: no kernel, no library.
for (const figure of document.querySelectorAll("figure.frames")) {
  const inputs = [...figure.querySelectorAll("input")], image = figure.querySelector("img");
  const {labels, frames, alts} = JSON.parse(figure.querySelector("script").textContent);
  const show = () => {
    let index = 0;
    inputs.forEach((input, i) => {
      const at = input.valueAsNumber, label = labels[i][at];
      index = index * labels[i].length + at;
      input.parentElement.querySelector("output").value = label;
      input.setAttribute("aria-valuetext", label);
    });
    image.src = "data:image/png;base64," + frames[index];
    image.alt = alts[index];
  };
  for (const input of inputs) {
    input.addEventListener("input", show);
    input.addEventListener("keydown", event => {  // these keys move the slider, not the slides
      if (event.key.startsWith("Arrow") || ["Home", "End", "PageUp", "PageDown"].includes(event.key)) event.stopPropagation();
    });
  }
}
MathJax.startup.promise.then(() => Reveal.initialize({
  width: 1280, height: 720, margin: 0.02, center: false, display: "flex", hash: true, slideNumber: "c/t", controls: true,
  pdfSeparateFragments: false, pdfMaxPagesPerSlide: 1, plugins: [RevealNotes],
  transition: matchMedia("(prefers-reduced-motion: reduce)").matches ? "none" : "slide", transitionSpeed: "fast"}));
