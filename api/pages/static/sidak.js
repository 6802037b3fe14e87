// Keeps the page of sidak up to date: it is asked for again every 5 s, and its fresh parts take the place of the old.
// The same for an account and for a guest's link, which opens nothing but this page.

const EVERY_MS = 5_000;
const PATIENCE_MS = 10_000;
const SILENT_MS = 9_000; // looked at every second, so that the page is grey within 10 s

let heardMs = performance.now();

async function refresh() {
  const answer = await fetch(location.href, {
    headers: { Accept: "text/html" },
    cache: "no-store",
    signal: AbortSignal.timeout(PATIENCE_MS),
  });
  if ([401, 403, 404].includes(answer.status)) {
    location.reload(); // the page itself says why it may be seen no more
    return;
  }
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  heardMs = performance.now();
  for (const old of document.querySelectorAll("[data-fresh]")) {
    const made = fresh.querySelector(`[data-fresh="${old.dataset.fresh}"]`);
    if (made !== null && made.innerHTML !== old.innerHTML) replace(old, made);
  }
}

// What had the focus has it again: an entry's telephone stays under the thumb.
function replace(old, made) {
  const focused = old.contains(document.activeElement) ? document.activeElement : null;
  const entry = focused?.closest("[id]")?.id;
  const href = focused?.getAttribute("href");
  old.replaceChildren(...document.importNode(made, true).childNodes);
  if (!focused) return;
  const within = (entry && document.getElementById(entry)) || old;
  [...within.querySelectorAll("a[href]")].find((link) => link.getAttribute("href") === href)?.focus({ preventScroll: true });
}

function watch() {
  const dead = performance.now() - heardMs > SILENT_MS;
  document.documentElement.classList.toggle("dead", dead);
  const banner = document.getElementById("dead");
  if (dead && banner.hidden) banner.querySelector("strong").textContent = document.querySelector('[data-fresh="dead"]').textContent;
  banner.hidden = !dead;
}

// What goes wrong here is silence, of which `watch` tells in time.
async function keep() {
  await refresh().catch(() => {});
  watch();
  setTimeout(keep, EVERY_MS);
}

setTimeout(keep, EVERY_MS);
setInterval(watch, 1000);
// Browsers let hidden pages sleep: whoever comes back wants the present at once.
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible") refresh().catch(() => {}).finally(watch);
});
