// Puts values into elements, and touches only what differs: focus, selection and screen readers stay where they are.

export function set(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function setAttribute(node, name, value) {
  if (value === null) node.removeAttribute(name);
  else if (node.getAttribute(name) !== value) node.setAttribute(name, value);
}

export function setIcon(node, icon) {
  node.toggleAttribute("hidden", icon === "");
  setAttribute(node.firstElementChild, "href", `#${icon}`);
}

// One element for each value, kept as long as its key is there.
export function fill(list, values, template, keyOf, put) {
  const old = new Map([...list.children].map((item) => [item.dataset.key ?? item.dataset.alertId ?? "", item]));
  const items = values.map((value) => {
    const key = keyOf(value);
    const item = old.get(key) ?? template.content.firstElementChild.cloneNode(true);
    item.dataset.key = key;
    put(item, value);
    return item;
  });
  if (items.length !== list.children.length || items.some((item, place) => item !== list.children[place])) {
    list.replaceChildren(...items);
  }
}

// What is asked for often is done once, before the page is painted next. A page that nobody sees is not painted.
export function onceAFrame(act) {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      act();
    });
  };
}
