// Charts of a sweep: accuracy against scale, and against epoch.

import { Chart } from "./charts.js";
import { byId, setText } from "./dom.js";
import { formatScale, judgedImages } from "./format.js";
import { Legend } from "./legend.js";
import { extendCurve, PAPER_SIZE, readPlot, succeededIds, unfinishedPoints } from "./plots.js";
import { backgroundNote, backgroundTraces, curveTraces, epochTrace, markTraces } from "./traces.js";

/** @typedef {{accuracy: any, epochs: any}} Plots */

/** Both charts of a sweep. Their plots are read when the page opens and when a run ends. */
export class SweepCharts {
  #byScale;
  #byEpoch;
  #scaleLegend;
  #epochLegend;
  /** @type {{screen: Plots, paper: Plots, plotted: Set<string>} | null} `plotted` has the ids of the runs in the plots. */
  #plots = null;

  /**
   * Create empty charts.
   * @param {() => void} draw
   */
  constructor(draw) {
    this.#byScale = new Chart(byId("by-scale"), draw);
    this.#byEpoch = new Chart(byId("by-epoch"), draw);
    this.#scaleLegend = new Legend(byId("by-scale-legend"), draw);
    this.#epochLegend = new Legend(byId("by-epoch-legend"), draw);
  }

  /** Load Plotly, then draw. */
  load() {
    return Promise.all([this.#byScale.load(), this.#byEpoch.load()]);
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
  show(sweep, epochs, printing) {
    if (!this.#plots) return;
    const { screen, paper, plotted } = this.#plots;
    const plots = printing ? paper : screen;
    const size = printing ? { size: PAPER_SIZE } : {};
    this.#showByScale(sweep, plots.accuracy, plotted, size);
    this.#showByEpoch(sweep, plots.epochs, epochs, size);
  }

  /**
   * Show the chart of accuracy against scale.
   * @param {any} sweep
   * @param {any} plot
   * @param {Set<string>} plotted
   * @param {object} size
   */
  #showByScale(sweep, { caption, panels, theme }, plotted, size) {
    const [panel] = panels;
    const unfinished = unfinishedPoints(sweep.runs, plotted, panel.x_axis);
    const curves = [
      { metric: "accuracy", name: "training", kind: "training", style: theme.styles.training },
      { metric: "val_accuracy", name: judgedImages(sweep), kind: "validation", style: theme.styles.validation },
    ];
    const traces = curves.flatMap(({ metric, name, kind, style }) => {
      const curve = panel.curves.find((/** @type {any} */ each) => each.style === kind) ?? { points: [] };
      const hidden = this.#scaleLegend.isHidden(metric);
      return curveTraces(curve, { name, style, axis: panel.x_axis, hidden, unfinished, metric });
    });
    this.#scaleLegend.show(curves.map(({ metric, name, style }) => ({ key: metric, name, colour: style.colour })));
    this.#byScale.show([...traces, ...markTraces(panel, theme)], {
      panel,
      background: backgroundTraces(panel, theme),
      label: "Accuracy against scale. The table of runs lists the values.",
      ...size,
    });
    const hollow = unfinished.length ? "Hollow markers: latest epoch of a run that has not succeeded." : "";
    const intervals = panel.curves.length ? caption.notes[0] : "";
    setText(byId("by-scale-note"), [intervals, backgroundNote(panel), hollow].filter(Boolean).join(" "));
  }

  /**
   * Show the chart of accuracy against epoch.
   * @param {any} sweep
   * @param {any} plot
   * @param {Map<string, any[]>} epochs
   * @param {object} size
   */
  #showByEpoch(sweep, plot, epochs, size) {
    const style = /** @type {any} */ (document.querySelector("input[name=curve]:checked")).value;
    const traces = plot.panels.map((/** @type {any} */ panel, /** @type {number} */ index) => {
      const { means, seeds } = extendCurve(plot, panel, style, sweep.runs, epochs);
      return epochTrace(means, {
        name: `scale ${formatScale(panel.scale)}`,
        colour: plot.panel_colours[index],
        hidden: this.#epochLegend.isHidden(String(panel.scale)),
        seeds,
      });
    });
    this.#epochLegend.show(
      plot.panels.map((/** @type {any} */ { scale }, /** @type {number} */ index) => ({
        key: String(scale),
        name: formatScale(scale),
        colour: plot.panel_colours[index],
      })),
    );
    this.#byEpoch.show(traces, {
      panel: plot.panels[0],
      label: "Accuracy against epoch, one curve per scale.",
      ...size,
    });
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
