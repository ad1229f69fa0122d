// Documentation of the API, drawn by Swagger UI.

import { darkScheme } from "./charts/plots.js";
import { ROOT } from "./common/root.js";

const followScheme = () => document.documentElement.classList.toggle("dark-mode", darkScheme.matches);
darkScheme.addEventListener("change", followScheme);
followScheme();
/** @type {any} */ (window).SwaggerUIBundle({
  url: `${ROOT}/openapi.json`,
  dom_id: "#swagger",
  deepLinking: true,
  defaultModelsExpandDepth: -1, // 100 schemas would follow the routes; each route shows its own
  validatorUrl: null,
});
