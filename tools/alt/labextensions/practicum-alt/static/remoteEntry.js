// Pictures in JupyterLab with the alt text that their notebook stores; JupyterLab's own renderer drops it.
// Written by hand in the form of a federated extension, so that it needs no build: a container with init() and get().
(() => {
  let shared;

  const describe = (widget, model, kind) => {
    const image = widget.node.querySelector("img");
    const alt = model.metadata[kind]?.alt;
    if (image && typeof alt === "string") image.alt = alt;
  };

  const wrap = (rendermime, kind) => {
    const factory = rendermime.getFactory(kind);
    if (!factory) return;
    rendermime.addFactory({
      ...factory,
      createRenderer: options => {
        const widget = factory.createRenderer(options);
        const render = widget.renderModel.bind(widget);
        widget.renderModel = async model => {
          await render(model);
          describe(widget, model, kind);
        };
        return widget;
      },
    });
  };

  const plugin = async () => {
    const versions = Object.values(shared["@jupyterlab/rendermime"]);
    const { IRenderMimeRegistry } = (await versions[0].get())();
    return {
      id: "practicum-alt:plugin",
      autoStart: true,
      requires: [IRenderMimeRegistry],
      activate: (app, rendermime) => ["image/png", "image/jpeg", "image/gif"].forEach(kind => wrap(rendermime, kind)),
    };
  };

  (window._JUPYTERLAB ??= {})["practicum-alt"] = {
    init: scope => { shared = scope; },
    get: async () => {
      const made = await plugin();
      return () => ({ __esModule: true, default: made });
    },
  };
})();
