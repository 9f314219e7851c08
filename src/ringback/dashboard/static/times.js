// Times in the browser's zone and language, and countdowns to the next attempt.
const language = document.documentElement.lang;
const full = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "medium" });
const near = new Intl.RelativeTimeFormat(language, { numeric: "auto", style: "short" });
const STEPS = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];

// The server's clock may be ahead: the emulator's can be moved.
let ahead = Number(document.body.dataset.now) - Date.now();

export function setNow(page) {
  ahead = Number(page.body.dataset.now) - Date.now();
}

function relative(seconds) {
  const [unit, size] = STEPS.find(([, s]) => Math.abs(seconds) >= s) ?? ["second", 1];
  return near.format(Math.round(seconds / size), unit);
}

export function showTimes(root = document) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const at = Date.parse(time.dateTime);
    const seconds = (at - Date.now() - ahead) / 1000;
    time.title = full.format(at);
    if (time.dataset.countdown) time.textContent = relative(Math.max(0, seconds));
    else time.textContent = Math.abs(seconds) < 6 * 86400 ? relative(seconds) : full.format(at);
  }
}

export function keepTimes() {
  showTimes();
  setInterval(() => {
    if (!document.hidden) showTimes();
  }, 1000);
}
