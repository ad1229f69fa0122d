// Start page: the form of a new sweep and the list of sweeps.

import { get } from "./api.js";
import { maySubmit, readCaller } from "./caller.js";
import { offerDatasets } from "./datasets.js";
import { byId } from "./dom.js";
import { report } from "./errors.js";
import { fill, readDatasets, readKinds, selectDataset } from "./form.js";
import { setCaller } from "./list.js";
import { showUsage } from "./queue.js";
import { retry } from "./retries.js";

retry(readDatasets).catch(report);
retry(readKinds).catch(report);
offerDatasets(async (name) => {
  await readDatasets();
  selectDataset(name);
});
byId("use-digits").addEventListener("click", () => selectDataset("digits"));
const from = new URLSearchParams(location.search).get("from");
if (from) retry(async () => fill(await get(`/sweeps/${encodeURIComponent(from)}`))).catch(report);
readCaller()
  .then((caller) => {
    byId("new-sweep").hidden = !maySubmit(caller);
    setCaller(caller);
    return caller.name && maySubmit(caller) ? showUsage() : undefined;
  })
  .catch(report);
