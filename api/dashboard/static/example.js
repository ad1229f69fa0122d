// Example sweep, which the start page shows while the service has no sweeps.

import { Chart } from "./charts.js";
import { byId, setText } from "./dom.js";
import { report } from "./errors.js";
import { Legend } from "./legend.js";
import { darkScheme, readPlot } from "./plots.js";
import { retry } from "./retries.js";
import { backgroundNote, backgroundTraces, curveTraces } from "./traces.js";

const [container, legend] = [byId("example-chart"), new Legend(byId("example-legend"), draw)];
const chart = new Chart(container, draw);
/** @type {any} */
let plot = null;

/** Read the plot and draw it. */
async function read() {
  plot = await retry(() => readPlot("/ui/example", [], container));
  draw();
}

/** Draw the plot if it was read. */
function draw() {
  if (!plot) return;
  const { panels, theme } = plot;
  const [panel] = panels;
  const traces = panel.curves.flatMap((/** @type {any} */ { name, style, ...curve }) =>
    curveTraces(
      { name, style, ...curve },
      {
        name,
        style: theme.styles[style],
        axis: panel.x_axis,
        hidden: legend.isHidden(style),
        unfinished: [],
        metric: "",
      },
    ),
  );
  legend.show(
    panel.curves.map((/** @type {any} */ { name, style }) => ({
      key: style,
      name,
      colour: theme.styles[style].colour,
    })),
  );
  chart.show(traces, {
    panel,
    background: backgroundTraces(panel, theme),
    label: "Accuracy against scale of the example sweep. The sentence above describes it.",
  });
  setText(byId("example-note"), `${plot.caption.notes[0]} ${backgroundNote(panel)}`);
}

darkScheme.addEventListener("change", () => read().catch(report));
Promise.all([read(), chart.load()]).catch(report);
