// Fills the strip: the page may be from a cache, what is said of it never is.
(async () => {
  const status = document.getElementById("strip-status");
  if (!status) return;
  const [visit] = performance.getEntriesByType("navigation");
  const number = visit?.serverTiming?.find((t) => t.name === "answer")?.description;
  if (!number) {
    status.textContent = "This browser does not tell a page the number of its answer (Server-Timing).";
    return;
  }
  try {
    const answer = await fetch("/shop/strip/" + encodeURIComponent(number), { cache: "no-store" });
    if (!answer.ok) throw new Error(await answer.text());
    const told = await answer.json();
    const age = told.outcome === "hit" ? `, ${told.age_seconds.toFixed(1)} s old` : "";
    status.textContent = `Answer ${number}: ${told.outcome}${age}; it stands on ${told.stamps} stamps.`;
    document.getElementById("strip-cache").textContent = told.cache_status;
    document.getElementById("strip-rows").replaceChildren(...told.rows.map((row) => {
      const item = document.createElement("li");
      item.append(Object.assign(document.createElement("code"), { textContent: row }));
      return item;
    }));
  } catch (error) {
    status.textContent = "Nothing could be learned: " + error.message;
  }
})();
