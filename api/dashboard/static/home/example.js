// Example sweep, which the start page shows while the service has no sweeps.

import { CurveChart, loadCharts } from "../charts/charts.js";
import { darkScheme, readPlot } from "../charts/plots.js";
import { byId } from "../common/dom.js";
import { report } from "../common/errors.js";
import { retry } from "../common/retries.js";

const chart = new CurveChart("example-chart", draw);
/** @type {any} */
let plot = null;

/** Read the plot and draw it. */
async function read() {
  plot = await retry(() => readPlot("/ui/example", [], byId("example-chart")));
  draw();
}

/** Draw the plot if it was read. */
function draw() {
  if (plot) chart.show(plot);
}

darkScheme.addEventListener("change", () => read().catch(report));
Promise.all([read(), loadCharts(draw)]).catch(report);
