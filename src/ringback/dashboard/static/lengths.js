// The real length of a clip or a sound, once its beginning was read, in place of the one that was asked for.
function played(seconds) {
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

function show(film) {
  const box = film.parentElement.querySelector("[data-length]");
  if (box && Number.isFinite(film.duration)) box.textContent = played(film.duration);
}

export function showLengths() {
  // The event does not bubble, and cards come later: it is caught on its way down.
  document.addEventListener("loadedmetadata", (event) => show(event.target), true);
  for (const film of document.querySelectorAll(".frame video, .frame audio")) if (film.readyState) show(film);
}
