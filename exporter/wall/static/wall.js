// The live part of the wall. Without it the page is whole and reloads itself.
"use strict";
(() => {
  const body = document.body;
  const board = document.getElementById("board");
  const lost = document.getElementById("lost");
  const lostAt = document.getElementById("lost-at");
  const units = body.dataset.units.split("|");
  const patience = 3 * Number(body.dataset.tick);
  let ahead = Number(body.dataset.now) - Date.now(); // the server's clock, not the screen's, is shown
  let heard = Date.now();
  let source;

  // As text.Duration in Go: at most two units.
  const duration = (ms) => {
    const s = Math.max(0, Math.floor(ms / 1000));
    const parts = [Math.floor(s / 86400), Math.floor(s / 3600) % 24, Math.floor(s / 60) % 60, s % 60];
    let i = parts.findIndex((n) => n > 0);
    if (i < 0) i = 3;
    let out = parts[i] + " " + units[i];
    if (i < 3 && parts[i + 1] > 0) out += " " + parts[i + 1] + " " + units[i + 1];
    return out;
  };

  const clock = (ms) => {
    const el = document.getElementById("clock");
    const m = /([+-])(\d\d):(\d\d)/.exec(el ? el.dataset.zone : "+00:00");
    const off = (m[1] === "-" ? -1 : 1) * (Number(m[2]) * 60 + Number(m[3]));
    return new Date(ms + off * 60000).toISOString().slice(11, 19);
  };

  const draw = () => {
    const silent = Date.now() - heard > patience;
    if (silent && lost.hidden) lostAt.textContent = clock(heard + ahead);
    lost.hidden = !silent;
    body.classList.toggle("lost", silent);
    if (silent) { // a stream that never comes back is opened anew
      if (!source || source.readyState === EventSource.CLOSED) open();
    }
    const now = Date.now() + ahead;
    const el = document.getElementById("clock");
    if (el) el.textContent = clock(now);
    for (const t of board.querySelectorAll("time.age")) t.textContent = duration(now - Number(t.dataset.since));
  };

  let opened = 0;
  const open = () => {
    if (Date.now() - opened < 5000) return;
    opened = Date.now();
    if (source) source.close();
    source = new EventSource(body.dataset.events);
    source.addEventListener("board", (e) => {
      heard = Date.now();
      ahead = Number(e.lastEventId) - heard;
      const focus = board.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
      board.innerHTML = e.data; // rendered and escaped by the server
      if (focus) board.querySelector('a[href="' + CSS.escape(focus) + '"]')?.focus({ preventScroll: true });
      const down = board.querySelector(".counts .down b").textContent;
      document.title = document.title.replace(/^(\(\d+\) )?/, down === "0" ? "" : "(" + down + ") ");
      draw();
    });
  };

  open();
  setInterval(draw, 1000);
  document.addEventListener("visibilitychange", draw);
})();
