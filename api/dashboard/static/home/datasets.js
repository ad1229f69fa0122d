// Dialog with the images of a data set, and a form that adds one.

import { post, request } from "../common/api.js";
import { byId, setText } from "../common/dom.js";
import { messageOf, onSubmit, showFormErrors } from "../common/errors.js";

/**
 * Attach to the dialog of the data sets.
 * @param {(name: string) => Promise<void>} onAdded Called when a data set was added.
 */
export function offerDatasets(onAdded) {
  const [dialog, form, image, button] = ["dialog", "form", "image", "add"].map((part) => byId(`datasets-${part}`));
  const showStatus = (/** @type {string} */ text) => setText(byId("datasets-status"), text);

  /**
   * Show the first images of each class.
   * @param {string} name
   */
  async function show(name) {
    image.hidden = true;
    showStatus("Loading the images …");
    const theme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
    try {
      const answer = await request(`/datasets/${encodeURIComponent(name)}/plot?theme=${theme}`);
      URL.revokeObjectURL(image.src); // does nothing for the first image
      image.src = URL.createObjectURL(await answer.blob());
      image.alt = `The first training images of each class of ${name}`;
      image.hidden = false;
      showStatus(byId("dataset").title);
    } catch (problem) {
      showStatus(messageOf(problem));
    }
  }

  byId("datasets-open").addEventListener("click", () => {
    showFormErrors(form, null);
    dialog.showModal();
    show(byId("dataset").value);
  });
  byId("datasets-close").addEventListener("click", () => dialog.close());
  onSubmit(form, async () => {
    const name = byId("datasets-name").value.trim();
    const query = new URLSearchParams({ name, description: byId("datasets-description").value.trim() });
    button.disabled = true;
    showStatus("Uploading …");
    try {
      await post(`/datasets?${query}`, byId("datasets-file").files[0] ?? new Blob());
      form.reset();
      await onAdded(name);
    } finally {
      button.disabled = false;
      showStatus("");
    }
    show(name);
  });
}
