// The terminal has the keys from the first frame on, and enter opens the window again once it has ended.
const focus = () => document.querySelector(".xterm-helper-textarea")?.focus();
new MutationObserver(focus).observe(document.body, { attributeFilter: ["class"] });
window.addEventListener("focus", focus);
const again = (event) => {
  if (event.key === "Enter" && document.body.classList.contains("-closed")) window.location.assign("/");
};
window.addEventListener("keydown", again, true); // before the terminal, which lets no key pass
