MathJax.startup.promise.then(() => Reveal.initialize({
  width: 1280, height: 720, margin: 0.02, center: false, display: "flex", hash: true, slideNumber: "c/t", controls: true,
  pdfSeparateFragments: false, pdfMaxPagesPerSlide: 1, plugins: [RevealNotes],
  transition: matchMedia("(prefers-reduced-motion: reduce)").matches ? "none" : "slide", transitionSpeed: "fast"}));
