// Adds what pages can do without: a line that says what a pointer is on, buttons that copy, and news of newer events.
// It writes text alone, never markup.
"use strict";

for (const chart of document.querySelectorAll("svg.chart")) {
  const line = document.createElement("p");
  line.className = "readout";
  line.setAttribute("aria-hidden", "true");
  chart.after(line);
  chart.addEventListener("pointerover", (event) => {
    const zone = event.target.closest(".zone");
    const title = zone && zone.parentNode.querySelector("title");
    line.textContent = title ? title.textContent : "";
  });
  chart.addEventListener("pointerleave", () => {
    line.textContent = "";
  });
}

for (const button of document.querySelectorAll("button[data-copy]")) {
  const source = document.getElementById(button.dataset.copy);
  if (!source || !navigator.clipboard) continue;
  const label = button.textContent;
  button.hidden = false;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(source.textContent);
      button.textContent = "copied";
    } catch {
      button.textContent = "not allowed";
    }
    setTimeout(() => {
      button.textContent = label;
    }, 2000);
  });
}

const EVERY_MS = 20000;

for (const news of document.querySelectorAll("[data-new]")) {
  const link = news.querySelector("a");
  const ask = async () => {
    if (document.visibilityState === "visible") {
      const answer = await fetch(news.dataset.new, { redirect: "error" }).catch(() => null);
      // A session that has ended is told by the next page; asking on would be in vain.
      if (!answer || !answer.ok) return;
      const { count } = await answer.json();
      if (count > 0) {
        link.textContent = count === 1 ? "1 new event" : `${count} new events`;
        news.hidden = false;
      }
    }
    setTimeout(ask, EVERY_MS);
  };
  setTimeout(ask, EVERY_MS);
}

const waiting = document.querySelector("[data-wait]");
if (waiting) {
  // What somebody is filling in is not taken away.
  let isChanged = false;
  document.addEventListener("input", () => {
    isChanged = true;
  });
  setInterval(() => {
    const isInForm = document.activeElement && document.activeElement.closest("form");
    if (document.visibilityState === "visible" && !isChanged && !isInForm) location.reload();
  }, (Number(waiting.dataset.wait) || 10) * 1000);
}
