// Charts of a sweep: accuracy against scale, and against epoch.

import { CurveChart } from "../charts/charts.js";
import { extendPanels, PAPER_SIZE, readPlot, succeededIds } from "../charts/plots.js";
import { byId } from "../common/dom.js";

/** @typedef {{accuracy: any, epochs: any}} Plots */

/** Both charts of a sweep. Their plots are read when the page opens and when a run ends. */
export class SweepCharts {
  #byScale;
  #byEpoch;
  /** @type {{screen: Plots, paper: Plots, plotted: Set<string>} | null} `plotted` has the ids of the runs in the plots. */
  #plots = null;

  /**
   * Create empty charts.
   * @param {() => void} draw
   */
  constructor(draw) {
    this.#byScale = new CurveChart("by-scale", draw);
    this.#byEpoch = new CurveChart("by-epoch", draw);
  }

  /**
   * Read both plots. Those for paper are read, too, because nothing can be read while the page is printed.
   * @param {any} sweep
   */
  async read(sweep) {
    const [screen, paper] = await Promise.all([readPlots(sweep, false), readPlots(sweep, true)]);
    this.#plots = { screen, paper, plotted: succeededIds(sweep.runs) };
  }

  /**
   * Draw both charts, if their plots have been read.
   * @param {any} sweep
   * @param {Map<string, any[]>} epochs Metrics of the received epochs, by run id.
   * @param {boolean} printing
   */
  show({ runs }, epochs, printing) {
    if (!this.#plots) return;
    const { screen, paper, plotted } = this.#plots;
    const plots = printing ? paper : screen;
    const size = printing ? PAPER_SIZE : undefined;
    const style = /** @type {any} */ (document.querySelector("input[name=curve]:checked")).value;
    this.#byScale.show(plots.accuracy, { runsOf: () => runs, plotted, size });
    this.#byEpoch.show(extendPanels(plots.epochs, style, runs, epochs), { size });
  }
}

/**
 * Read the plots of both charts.
 * @param {any} sweep
 * @param {boolean} paper Whether they are for white paper.
 * @returns {Promise<Plots>}
 */
async function readPlots({ id }, paper) {
  const log = ["log", byId("log").checked];
  const [accuracy, epochs] = await Promise.all(
    [
      ["accuracy", "by-scale"],
      ["epochs", "by-epoch"],
    ].map(([kind, chart]) => readPlot(`/sweeps/${id}/plot`, [["kind", kind], log], paper ? null : byId(chart))),
  );
  return { accuracy, epochs };
}
