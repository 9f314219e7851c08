// A box that chooses every delivery on the page; it stays hidden without scripts.
export function offerChoice(root = document) {
  const all = root.querySelector("[data-choose-all]");
  if (!all) return;
  all.hidden = false;
  all.addEventListener("change", () => {
    for (const one of all.form.querySelectorAll("[name=chosen]")) one.checked = all.checked;
  });
}
