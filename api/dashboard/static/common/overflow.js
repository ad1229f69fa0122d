// Hint above each table that is wider than the page.

const regions = /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll(".scroll"));

const observer = new ResizeObserver(() => {
  for (const region of regions) region.toggleAttribute("data-overflows", region.scrollWidth > region.clientWidth);
});

for (const region of regions) {
  observer.observe(region);
  observer.observe(/** @type {Element} */ (region.firstElementChild));
}
