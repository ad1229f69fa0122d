// Root path of the service: "" or the path below which a proxy serves it, for example "/noise-lab".

// This file is served below the root path at /ui/static/FINGERPRINT/common/root.js.
export const ROOT = new URL("../../../..", import.meta.url).pathname.replace(/\/$/, "");
