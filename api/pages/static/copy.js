// Puts what stands in a field on the clipboard; where the browser has none, over plain http, it is selected to be copied.

for (const button of document.querySelectorAll("[data-copy]")) {
  const field = document.getElementById(button.dataset.copy);
  button.hidden = false;
  field.addEventListener("focus", () => field.select());
  button.addEventListener("click", async () => {
    field.focus();
    field.select();
    if (!navigator.clipboard) return;
    await navigator.clipboard.writeText(field.value);
    field.closest(".field").querySelector("[data-copied]").textContent = button.dataset.done;
  });
}
