// Live pages by server-sent events. A hidden page holds no connection: browsers allow six per
// server, and a developer has many tabs.
import { fetched, parsed } from "./html.js";
import { setNow, showTimes } from "./times.js";

const main = document.querySelector("main");
const MEDIA = "img[src], video[src], audio[src]";

export function listen(onSwap) {
  const { live, liveSwap } = main.dataset;
  if (!live) return;
  const swap = liveSwap ? settled(() => swapPart(liveSwap, onSwap)) : () => {};
  let source = null;
  let wasClosed = false;

  function open() {
    if (source || document.hidden) return;
    source = new EventSource(live);
    source.addEventListener("cards", (event) => updateCards(JSON.parse(event.data).items));
    source.addEventListener("changed", swap);
    if (wasClosed) swap();
  }

  function close() {
    source?.close();
    source = null;
    wasClosed = true;
  }

  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  addEventListener("pagehide", close);
  addEventListener("pageshow", open);
  open();
}

// Calls at most every 300 ms, and once more after the last change.
function settled(work) {
  let timer = 0;
  let busy = false;
  let again = false;
  async function run() {
    timer = 0;
    if (busy) {
      again = true;
      return;
    }
    busy = true;
    try {
      await work();
    } finally {
      busy = false;
    }
    if (again) {
      again = false;
      timer = setTimeout(run, 300);
    }
  }
  return () => {
    if (!timer) timer = setTimeout(run, 150);
  };
}

async function swapPart(id, onSwap) {
  const page = await fetched(location.href);
  setNow(page);
  const [mine, theirs] = [document.getElementById(id), page.getElementById(id)];
  if (!mine || !theirs) return;
  for (const box of mine.querySelectorAll("input[type=checkbox][value]:checked")) {
    const same = theirs.querySelector(`input[type=checkbox][value="${CSS.escape(box.value)}"]`);
    if (same) same.checked = true;
  }
  // A field that the user is filling in is kept, at the price of an outdated part.
  const active = document.activeElement;
  if (mine.contains(active) && active.matches("input:not([type=checkbox]), select, textarea")) return;
  const open = new Map([...mine.querySelectorAll("details")].map((d, i) => [d.id || i, d.open]));
  const focused = active && mine.contains(active) ? pathTo(active, mine) : null;
  theirs.querySelectorAll("details").forEach((d, i) => {
    if (open.has(d.id || i)) d.open = open.get(d.id || i);
  });
  keepPictures(mine, theirs);
  mine.replaceWith(theirs);
  onSwap(theirs); // before the focus: it shows what is hidden without scripts
  if (focused) at(theirs, focused)?.focus({ preventScroll: true });
}

// Unchanged media elements are moved over: a picture does not flicker, a film plays on.
function keepPictures(mine, theirs) {
  for (const box of theirs.querySelectorAll("[data-mesh]")) {
    const same = [...mine.querySelectorAll("[data-mesh]")].find((one) => one.dataset.mesh === box.dataset.mesh);
    if (same) box.replaceWith(same); // it goes on turning
  }
  for (const image of theirs.querySelectorAll(MEDIA)) {
    const same = [...mine.querySelectorAll(MEDIA)].find((one) => one.src === image.src);
    if (same) image.replaceWith(same);
  }
}

function pathTo(element, root) {
  const path = [];
  for (let one = element; one !== root; one = one.parentElement) {
    path.unshift([...one.parentElement.children].indexOf(one));
  }
  return path;
}

function at(root, path) {
  return path.reduce((one, index) => one?.children[index], root);
}

function updateCards(items) {
  const gallery = document.getElementById("gallery");
  if (!gallery) return;
  for (const { id, version, html } of items) {
    const known = document.getElementById(`job-${id}`);
    if (known ? known.dataset.version === version : !("liveNew" in main.dataset)) continue;
    const card = parsed(html).querySelector("li");
    if (known) {
      const hadFocus = known.contains(document.activeElement);
      keepPictures(known, card);
      known.replaceWith(card);
      if (hadFocus) card.querySelector("a").focus({ preventScroll: true });
    } else {
      const first = [...gallery.children].find((one) => one.id < `job-${id}`);
      if (!first && gallery.children.length >= 48) continue; // it belongs to an older page
      gallery.insertBefore(card, first ?? null);
      document.getElementById("empty")?.remove();
    }
    showTimes(card);
  }
}
