// The playground: sliders beside numbers, uploads by drag and drop, and code that follows the form.
import { offerCopies } from "./copy.js";
import { fetched } from "./html.js";

const ELIDED = 200;

export function playground() {
  const chooser = document.querySelector("[data-go]");
  if (chooser) followChoice(chooser);
  const form = document.querySelector("[data-playground]");
  if (!form) return;
  form.querySelectorAll("[data-slider]").forEach(addSlider);
  form.querySelectorAll("[data-drop]").forEach(addDrop);
  form.querySelector("[data-shortcut]").hidden = false;
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
  let timer = 0;
  form.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => showCode(form), 150);
  });
}

// A click opens the chosen model at once. Keys change the choice step by step, so there Enter, or
// leaving the field, opens it.
function followChoice(chooser) {
  const select = chooser.querySelector("select");
  const before = select.value;
  let byKeys = false;
  const open = () => select.value !== before && chooser.submit();
  chooser.querySelector(".end").hidden = true;
  select.addEventListener("keydown", (event) => {
    byKeys = event.key !== "Enter";
    if (event.key === "Enter") open();
  });
  select.addEventListener("pointerdown", () => (byKeys = false));
  select.addEventListener("change", () => byKeys || open());
  select.addEventListener("blur", open);
}

function addSlider(box) {
  const number = box.querySelector("input");
  const range = document.createElement("input");
  range.type = "range";
  Object.assign(range, { min: number.min, max: number.max, step: number.dataset.step });
  range.value = number.value || number.min;
  range.setAttribute("aria-label", number.labels[0].firstChild.textContent.trim());
  range.addEventListener("input", () => (number.value = range.value));
  number.addEventListener("input", () => (range.value = number.value));
  box.prepend(range);
}

let latest = 0;

async function showCode(form) {
  const number = ++latest;
  const fields = new URLSearchParams();
  for (const [name, value] of new FormData(form)) {
    // The code shows only the beginning of a picture, so only that is sent.
    const text = String(value);
    const cut = text.startsWith("data:") && text.length > ELIDED;
    fields.append(name, cut ? `${text.slice(0, ELIDED)}…` : text);
  }
  const page = await fetched(form.dataset.playground, { method: "POST", body: fields });
  if (number !== latest) return;
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
  label.textContent = box.dataset.prompt;
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

  function announce(message) {
    document.getElementById("announcement").textContent = message;
    label.textContent = message;
  }

  async function uploadAll(files) {
    if (!files.length) return;
    announce(box.dataset.uploading);
    try {
      for (const one of [...files].slice(0, many ? 8 : 1)) {
        const url = await uploaded(one, text.form.elements.form_key.value);
        if (!url) throw new Error(box.dataset.notPicture);
        text.value = many && text.value.trim() ? `${text.value.trim()}\n${url}` : url;
      }
      label.textContent = box.dataset.prompt;
    } catch (error) {
      announce(error.message);
    }
    file.value = "";
    text.dispatchEvent(new Event("input", { bubbles: true }));
  }

  file.addEventListener("change", () => uploadAll(file.files));
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
    uploadAll(event.dataTransfer.files);
  });
  show();
}

// A picture becomes an asset of the workspace, and its URL the value of the field.
async function uploaded(file, key) {
  const body = new FormData();
  body.append("file", file);
  const response = await fetch(`${document.body.dataset.root}/ui/assets`, { method: "POST", headers: { "x-form-key": key }, body });
  const asset = await response.json();
  if (!response.ok) throw new Error(asset.error);
  return asset.mime_type.startsWith("image/") ? asset.image_url : "";
}

// The page may show our own artifacts and data: URIs.
function isShown(address) {
  if (address.startsWith("data:image/")) return true;
  const url = URL.parse ? URL.parse(address) : null;
  return url?.origin === location.origin && url.pathname.startsWith(`${document.body.dataset.root}/artifacts/`);
}
