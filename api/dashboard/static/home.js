// The first page: a form and a list.

import { get } from "./api.js";
import { report } from "./faults.js";
import { SweepForm } from "./form.js";
import { SweepList } from "./list.js";
import { retried } from "./retries.js";

const form = new SweepForm();
new SweepList();
retried(async () => form.describe((await get("/datasets")).datasets)).catch(report);
