// The playground: sliders beside numbers, pictures by drag and drop, and the code while one types.
import { offerCopies } from "./copy.js";
import { fetched } from "./html.js";

const ELIDED = 200;

export function playground() {
  const chooser = document.querySelector("[data-go]");
  chooser?.addEventListener("change", () => chooser.submit());
  const form = document.querySelector("[data-playground]");
  if (!form) return;
  form.querySelectorAll("[data-slider]").forEach(addSlider);
  form.querySelectorAll("[data-drop]").forEach(addDrop);
  let timer = 0;
  form.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => showCode(form), 150);
  });
}

function addSlider(box) {
  const number = box.querySelector("input");
  const range = document.createElement("input");
  range.type = "range";
  Object.assign(range, { min: number.min, max: number.max, step: number.dataset.step });
  range.value = number.value || number.min;
  range.setAttribute("aria-label", number.labels[0].textContent);
  range.addEventListener("input", () => (number.value = range.value));
  number.addEventListener("input", () => (range.value = number.value));
  box.prepend(range);
}

let latest = 0;

async function showCode(form) {
  const asked = ++latest;
  const fields = new URLSearchParams();
  for (const [name, value] of new FormData(form)) {
    // Only the beginning of a picture is shown, so only that is sent.
    const text = String(value);
    const cut = text.startsWith("data:") && text.length > ELIDED;
    fields.append(name, cut ? `${text.slice(0, ELIDED)}…` : text);
  }
  const page = await fetched(form.dataset.playground, { method: "POST", body: fields });
  if (asked !== latest) return;
  const box = document.getElementById("code");
  const open = [...box.querySelectorAll("details")].find((one) => one.open)?.dataset.snippet;
  box.replaceChildren(...page.body.childNodes);
  for (const one of box.querySelectorAll("details")) one.open = one.dataset.snippet === open;
  offerCopies(box);
}

function addDrop(box) {
  const text = box.querySelector("textarea");
  const many = box.dataset.many === "1";
  const bar = document.createElement("div");
  bar.className = "drop-bar";
  const file = document.createElement("input");
  Object.assign(file, { type: "file", accept: "image/*", id: `${text.id}-file`, multiple: many });
  const label = document.createElement("label");
  label.htmlFor = file.id;
  label.textContent = box.dataset.say;
  const clear = document.createElement("button");
  Object.assign(clear, { type: "button", className: "button small", textContent: box.dataset.remove });
  const shown = document.createElement("img");
  shown.alt = "";
  bar.append(file, label, clear);
  box.append(bar, shown);

  function show() {
    const last = text.value.trim().split("\n").at(-1) ?? "";
    shown.hidden = !isShown(last);
    if (!shown.hidden) shown.src = last;
    clear.hidden = !text.value;
  }

  function say(words) {
    document.getElementById("said").textContent = words;
    label.textContent = words;
  }

  async function take(files) {
    if (!files.length) return;
    say(box.dataset.uploading);
    try {
      for (const one of [...files].slice(0, many ? 8 : 1)) {
        const url = await uploaded(one, text.form.elements.form_key.value);
        if (!url) throw new Error(box.dataset.notPicture);
        text.value = many && text.value.trim() ? `${text.value.trim()}\n${url}` : url;
      }
      label.textContent = box.dataset.say;
    } catch (error) {
      say(error.message);
    }
    file.value = "";
    text.dispatchEvent(new Event("input", { bubbles: true }));
  }

  file.addEventListener("change", () => take(file.files));
  clear.addEventListener("click", () => {
    text.value = "";
    text.dispatchEvent(new Event("input", { bubbles: true }));
    text.focus();
  });
  text.addEventListener("input", show);
  box.addEventListener("dragover", (event) => {
    event.preventDefault();
    box.classList.add("over");
  });
  box.addEventListener("dragleave", () => box.classList.remove("over"));
  box.addEventListener("drop", (event) => {
    event.preventDefault();
    box.classList.remove("over");
    take(event.dataTransfer.files);
  });
  show();
}

// A picture becomes an asset of the workspace; its address is what the request then has.
async function uploaded(file, key) {
  const body = new FormData();
  body.append("file", file);
  const answer = await fetch("/ui/assets", { method: "POST", headers: { "x-form-key": key }, body });
  const asset = await answer.json();
  if (!answer.ok) throw new Error(asset.error);
  return asset.mime_type.startsWith("image/") ? asset.image_url : "";
}

// What this page may show: our own artifacts, and what is in the text itself.
function isShown(address) {
  if (address.startsWith("data:image/")) return true;
  const url = URL.parse ? URL.parse(address) : null;
  return url?.origin === location.origin && url.pathname.startsWith("/artifacts/");
}
