"use strict";
(() => {
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const show = (element) => element.removeAttribute("hidden");

  // Theme: the system's until the reader chooses.
  const root = document.documentElement;
  const button = document.getElementById("theme");
  const remembered = () => { try { return localStorage.getItem("theme"); } catch { return null; } };
  const remember = (theme) => { try { localStorage.setItem("theme", theme); } catch { /* private mode */ } };
  const isDark = () => (root.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  const label = () => { button.textContent = isDark() ? "Light theme" : "Dark theme"; };
  if (["light", "dark"].includes(remembered())) root.dataset.theme = remembered();
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    remember(root.dataset.theme);
    label();
  });
  label();
  show(button);

  // Sorting: a button in every heading; text by locale, numbers by data-sort.
  const sortKey = (row, column) => {
    const cell = row.cells[column];
    const text = cell.textContent.trim();
    if (cell.dataset.sort !== undefined) return Number(cell.dataset.sort);
    return text === "–" ? -Infinity : text;
  };
  const compare = (a, b) => (typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b)));
  const sort = (table, column) => {
    const headings = all("th", table);
    const ascending = headings[column].getAttribute("aria-sort") !== "ascending";
    headings.forEach((heading) => heading.removeAttribute("aria-sort"));
    headings[column].setAttribute("aria-sort", ascending ? "ascending" : "descending");
    const rows = all("tbody tr", table).sort((a, b) => compare(sortKey(a, column), sortKey(b, column)));
    table.tBodies[0].append(...(ascending ? rows : rows.reverse()));
  };
  for (const table of all("table.sortable")) {
    all("th", table).forEach((heading, column) => {
      const sorter = document.createElement("button");
      sorter.type = "button";
      sorter.append(...heading.childNodes);
      sorter.addEventListener("click", () => sort(table, column));
      heading.append(sorter);
    });
  }

  // Filtering: every word must occur in the row or card.
  all(".tools").forEach(show);
  const report = (near, text) => { near.closest(".tools").querySelector(".status").textContent = text; };
  for (const input of all("input[data-filter]")) {
    const target = document.getElementById(input.dataset.filter);
    const items = () => (target.tBodies ? all("tbody tr", target) : [...target.children]);
    input.addEventListener("input", () => {
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      items().forEach((item) => { item.hidden = !words.every((word) => item.textContent.toLowerCase().includes(word)); });
      const shown = items().filter((item) => !item.hidden).length;
      report(input, words.length ? `${shown} of ${items().length} shown` : "");
    });
  }

  // On paper everything is open; on the screen it is as it was again.
  let opened = [];
  addEventListener("beforeprint", () => { opened = all("details:not([open])"); opened.forEach((each) => { each.open = true; }); });
  addEventListener("afterprint", () => { opened.forEach((each) => { each.open = false; }); });

  // Copying: the visible rows, in their present order.
  const visible = (table) => all("tr", table).filter((row) => !row.hidden).map((row) => [...row.cells].map((cell) => cell.textContent.trim()));
  const markdown = (rows, numeric) => {
    const line = (cells) => `| ${cells.map((cell) => cell.replace(/\\/g, "\\\\").replace(/\|/g, "\\|")).join(" | ")} |`;
    return [line(rows[0]), line(numeric.map((right) => (right ? "---:" : "---"))), ...rows.slice(1).map(line)].join("\n");
  };
  const copy = async (text) => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const area = document.createElement("textarea");
      area.value = text;
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
    }
  };
  for (const copier of all("button[data-copy]")) {
    copier.addEventListener("click", async () => {
      if (copier.dataset.from) {
        await copy(document.getElementById(copier.dataset.from).textContent);
      } else {
        const table = document.getElementById(copier.dataset.table);
        const numeric = all("th", table).map((heading) => heading.classList.contains("number"));
        await copy(markdown(visible(table), numeric));
      }
      report(copier, "Copied");
    });
  }

  // Legend: pointing at a variant highlights it in every figure, pressing hides it.
  const legend = document.querySelector(".legend");
  const marked = (series) => all(`svg [data-series="${series}"]`);
  const light = (series) => {
    document.body.classList.toggle("dimmed", series !== null);
    all("svg .lit").forEach((element) => element.classList.remove("lit"));
    if (series !== null) marked(series).forEach((element) => element.classList.add("lit"));
  };
  const follow = (element, series) => {
    element.addEventListener("pointerenter", () => light(series));
    element.addEventListener("pointerleave", () => light(null));
  };
  if (legend) {
    show(legend);
    for (const key of all("button", legend)) {
      const series = key.dataset.series;
      follow(key, series);
      key.addEventListener("focus", () => { if (key.matches(":focus-visible")) light(series); });
      key.addEventListener("blur", () => light(null));
      key.addEventListener("click", () => {
        const on = key.getAttribute("aria-pressed") !== "true";
        key.setAttribute("aria-pressed", String(on));
        marked(series).forEach((element) => element.classList.toggle("off", !on));
      });
      all(`svg [data-series="${series}"]`).forEach((element) => {
        const title = document.createElementNS("http://www.w3.org/2000/svg", "title");
        title.textContent = key.textContent.trim();
        element.prepend(title);
        follow(element, series);
      });
    }
    all("tr[data-series]").forEach((row) => follow(row, row.dataset.series));
  }

  // Figures of many variants begin with some of them.
  for (const section of all("section[data-first]")) {
    const first = new Set(section.dataset.first.split(" "));
    all("svg [data-series]", section).forEach((element) => element.classList.toggle("rest", !first.has(element.dataset.series)));
    section.classList.add("few");
    const button = section.querySelector("[data-all]");
    show(button.parentElement);
    button.addEventListener("click", () => {
      const every = button.getAttribute("aria-pressed") !== "true";
      button.setAttribute("aria-pressed", String(every));
      section.classList.toggle("few", !every);
    });
  }

  // Saving a figure: the theme's variables become plain colours.
  const resolved = (svg) => {
    const style = getComputedStyle(root);
    const text = new XMLSerializer().serializeToString(svg);
    return text.replace(/var\((--[a-z0-9]+)\)/g, (_, name) => style.getPropertyValue(name).trim());
  };
  for (const saver of all("button.save")) {
    show(saver);
    saver.addEventListener("click", () => {
      const svg = saver.closest("figure").querySelector("svg");
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([resolved(svg)], { type: "image/svg+xml" }));
      link.download = `${location.pathname.split("/").pop().replace(/\.html$/, "")}-${saver.dataset.name}.svg`;
      link.click();
      URL.revokeObjectURL(link.href);
    });
  }

  // Boxes that scroll sideways must be reachable by keyboard; others should not take the focus.
  const reachable = () => all(".scroll").forEach((box) => {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  });
  addEventListener("resize", reachable);
  reachable();
})();
