// The first page: a form and a list.

import { get } from "./api.js";
import { attempt } from "./faults.js";
import { SweepForm } from "./form.js";
import { SweepList } from "./list.js";

const form = new SweepForm();
new SweepList();
attempt(async () => form.describe((await get("/datasets")).datasets));
