// Buttons that copy the code beside them; they stay hidden without scripts.
export function offerCopies(root = document) {
  if (!navigator.clipboard) return;
  for (const button of root.querySelectorAll("[data-copy-button]")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(button.closest("[data-copy]").querySelector("code").textContent);
      document.getElementById("announcement").textContent = document.body.dataset.copied;
      const before = button.textContent;
      button.textContent = document.body.dataset.copied;
      setTimeout(() => (button.textContent = before), 1500);
    });
  }
}
