// Start page: the form of a new sweep and the list of sweeps.

import { get } from "./api.js";
import { DatasetDialog } from "./datasets.js";
import { report } from "./errors.js";
import { SweepForm } from "./form.js";
import { SweepList } from "./list.js";
import { retry } from "./retries.js";

const form = new SweepForm();
new SweepList();
const describeDatasets = async () => form.describeDatasets((await get("/datasets")).datasets);
retry(describeDatasets).catch(report);
new DatasetDialog(async (name) => {
  await describeDatasets();
  form.selectDataset(name);
});
retry(async () => form.describeNoise((await get("/noise/kinds?dataset=digits")).kinds)).catch(report);
