// Start page: the form of a new sweep and the list of sweeps.

import { get } from "./api.js";
import { maySubmit, readCaller } from "./caller.js";
import { DatasetDialog } from "./datasets.js";
import { byId } from "./dom.js";
import { report } from "./errors.js";
import { SweepForm } from "./form.js";
import { setCaller } from "./list.js";
import { showUsage } from "./queue.js";
import { retry } from "./retries.js";

const form = new SweepForm();
const describeDatasets = async () => form.describeDatasets((await get("/datasets")).datasets);
retry(describeDatasets).catch(report);
new DatasetDialog(async (name) => {
  await describeDatasets();
  form.selectDataset(name);
});
retry(async () => form.describeNoise((await get("/noise/kinds?dataset=digits")).kinds)).catch(report);
byId("use-digits").addEventListener("click", () => form.selectDataset("digits"));
const from = new URLSearchParams(location.search).get("from");
if (from) retry(async () => form.fill(await get(`/sweeps/${encodeURIComponent(from)}`))).catch(report);
readCaller()
  .then((caller) => {
    byId("new-sweep").hidden = !maySubmit(caller);
    setCaller(caller);
    return caller.name && maySubmit(caller) ? showUsage() : undefined;
  })
  .catch(report);
