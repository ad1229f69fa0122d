// Dialog with the images of a data set, and a form that adds one.

import { post, request } from "./api.js";
import { byId, setText } from "./dom.js";
import { messageOf, showFormErrors } from "./errors.js";

/** Dialog of the data sets. */
export class DatasetDialog {
  #onAdded;
  /** @type {string | undefined} The URL of the picture that is shown. */
  #picture;

  /**
   * Attach to the dialog of the page.
   * @param {(name: string) => Promise<void>} onAdded Called when a data set was added.
   */
  constructor(onAdded) {
    this.#onAdded = onAdded;
    byId("datasets-open").addEventListener("click", () => this.#open());
    byId("datasets-close").addEventListener("click", () => byId("datasets-dialog").close());
    byId("datasets-form").addEventListener("submit", (/** @type {Event} */ event) => {
      event.preventDefault();
      this.#add();
    });
  }

  /** Open the dialog with the images of the selected data set. */
  #open() {
    showFormErrors(byId("datasets-form"), byId("datasets-error"), null);
    byId("datasets-dialog").showModal();
    this.#show(byId("dataset").value);
  }

  /**
   * Show the first images of each class.
   * @param {string} name
   */
  async #show(name) {
    const image = byId("datasets-image");
    image.hidden = true;
    setText(byId("datasets-status"), "Loading the images …");
    const theme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
    try {
      const answer = await request(`/datasets/${encodeURIComponent(name)}/plot?theme=${theme}`);
      if (this.#picture) URL.revokeObjectURL(this.#picture);
      this.#picture = URL.createObjectURL(await answer.blob());
      image.src = this.#picture;
      image.alt = `The first training images of each class of ${name}`;
      image.hidden = false;
      setText(byId("datasets-status"), byId("dataset").title);
    } catch (problem) {
      setText(byId("datasets-status"), messageOf(problem));
    }
  }

  /** Upload the chosen file, and select the new data set in the form of the sweep. */
  async #add() {
    const [form, button] = [byId("datasets-form"), byId("datasets-add")];
    const name = byId("datasets-name").value.trim();
    const query = new URLSearchParams({ name, description: byId("datasets-description").value.trim() });
    button.disabled = true;
    setText(byId("datasets-status"), "Uploading …");
    try {
      await post(`/datasets?${query}`, byId("datasets-file").files[0] ?? new Blob());
      showFormErrors(form, byId("datasets-error"), null);
      form.reset();
      await this.#onAdded(name);
      await this.#show(name);
    } catch (problem) {
      setText(byId("datasets-status"), "");
      showFormErrors(form, byId("datasets-error"), problem);
    }
    button.disabled = false;
  }
}
