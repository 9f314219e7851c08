// Endless scrolling over a plain link to the next page.
import { fetched } from "./html.js";
import { showTimes } from "./times.js";

export function scrollOn() {
  const list = document.querySelector("[data-pages]");
  const link = document.querySelector("[data-older]");
  // After a bounded search, the user decides whether to search further.
  if (!list || !link || document.querySelector("[data-page-end]")) return;
  new IntersectionObserver(async (seen, observer) => {
    if (!seen.some((one) => one.isIntersecting)) return;
    observer.unobserve(link);
    const page = await fetched(link.href);
    for (const item of page.querySelectorAll("[data-pages] > *")) {
      if (!document.getElementById(item.id)) list.append(item);
    }
    showTimes(list);
    const next = page.querySelector("[data-older]");
    if (!next) {
      link.remove();
      return;
    }
    link.href = next.getAttribute("href");
    if (!page.querySelector("[data-page-end]")) observer.observe(link);
  }, { rootMargin: "800px" }).observe(link);
}
