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
    shown.hidden = !last.startsWith("data:image/");
    if (!shown.hidden) shown.src = last;
    clear.hidden = !text.value;
  }

  async function take(files) {
    try {
      for (const one of [...files].slice(0, many ? 8 : 1)) {
        const uri = await asDataUri(one, Number(box.dataset.bytesMax));
        text.value = many && text.value.trim() ? `${text.value.trim()}\n${uri}` : uri;
      }
    } catch {
      document.getElementById("said").textContent = box.dataset.notPicture;
      label.textContent = box.dataset.notPicture;
      return;
    }
    label.textContent = box.dataset.say;
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

// As it is where a request has room for it, else drawn smaller until it has.
async function asDataUri(file, bytesMax) {
  const picture = await createImageBitmap(file);
  if (file.size * 1.34 <= bytesMax) {
    return new Promise((resolve, reject) => {
      const reader = new FileReader();
      reader.onload = () => resolve(reader.result);
      reader.onerror = reject;
      reader.readAsDataURL(file);
    });
  }
  for (let side = 1536; side >= 256; side /= 1.5) {
    const scale = Math.min(1, side / Math.max(picture.width, picture.height));
    const canvas = document.createElement("canvas");
    canvas.width = Math.round(picture.width * scale);
    canvas.height = Math.round(picture.height * scale);
    canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
    const uri = canvas.toDataURL("image/jpeg", 0.88);
    if (uri.length <= bytesMax) return uri;
  }
  throw new Error("too large");
}
