// On narrow screens the navigation is one line that scrolls: the present page's entry is shown.
export function showPresentPage() {
  const entry = document.querySelector(".rail nav a[aria-current]");
  const bar = entry?.closest("nav");
  if (!bar || bar.scrollWidth <= bar.clientWidth) return;
  const [inner, outer] = [entry.getBoundingClientRect(), bar.getBoundingClientRect()];
  bar.scrollLeft += inner.left - outer.left - (outer.width - inner.width) / 2;
}
