// Start page: the form of a new sweep and the list of sweeps.

import { get } from "./common/api.js";
import { maySubmit, readCaller } from "./common/caller.js";
import { byId } from "./common/dom.js";
import { report } from "./common/errors.js";
import { showUsage } from "./common/queue.js";
import { retry } from "./common/retries.js";
import { offerDatasets } from "./home/datasets.js";
import { fill, readDatasets, readKinds, selectDataset } from "./home/form.js";
import { setCaller } from "./home/list.js";

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
