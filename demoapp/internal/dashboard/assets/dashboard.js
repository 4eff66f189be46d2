// Puts new parts of the page in their places as they come, and sends the controls without leaving the page.
const source = new EventSource("/dashboard/events");
source.addEventListener("parts", (event) => {
  for (const [id, html] of Object.entries(JSON.parse(event.data))) {
    const place = document.getElementById(id);
    if (place && place.innerHTML !== html) place.innerHTML = html;
  }
});
const message = document.getElementById("message");
for (const form of document.querySelectorAll("form")) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = event.submitter;
    if (button.getAttribute("aria-disabled") === "true") return;
    button.setAttribute("aria-disabled", "true");
    message.textContent = "At work…";
    try {
      const answer = await fetch(form.action, {
        method: "POST",
        headers: { Accept: "text/plain" },
        body: new URLSearchParams(new FormData(form, button)),
      });
      message.textContent = (await answer.text()).trim();
    } catch (error) {
      message.textContent = "No answer: " + error.message;
    } finally {
      button.removeAttribute("aria-disabled");
    }
  });
}
