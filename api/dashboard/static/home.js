// Start page: the form of a new sweep and the list of sweeps.

import { get } from "./api.js";
import { report } from "./errors.js";
import { SweepForm } from "./form.js";
import { SweepList } from "./list.js";
import { retry } from "./retries.js";

const form = new SweepForm();
new SweepList();
retry(async () => form.describeDatasets((await get("/datasets")).datasets)).catch(report);
retry(async () => form.describeNoise((await get("/noise/kinds?dataset=digits")).kinds)).catch(report);
