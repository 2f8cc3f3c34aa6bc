// Questions to the server.

import { byId, state } from "./state.js";

/** Shows what went wrong; without a text nothing does any more. */
export function trouble(text) {
  byId("trouble").textContent = text ?? "";
  byId("trouble").hidden = !text;
}

async function refusal(response) {
  const told = await response.json().catch(() => null);
  return Object.assign(new Error(told?.error ?? `the server answers ${response.status}`), { status: response.status });
}

let sent = null; // the last picture, in case the server has let go of it

/** Gives the server a picture to hold; `instead` of the one that it holds where that is wanted. */
export async function send(blob, instead = null) {
  const put = instead !== null;
  const response = await fetch(put ? `/api/pictures/${instead}` : "/api/pictures", { method: put ? "PUT" : "POST", body: blob });
  if (put && response.status === 410) return send(blob);
  if (!response.ok) throw await refusal(response);
  sent = blob;
  return (await response.json()).id;
}

/** Asks about the picture that is held. */
export async function ask(path, question, signal) {
  const post = () =>
    fetch(path, { method: "POST", signal, headers: { "content-type": "application/json" }, body: JSON.stringify({ picture: state.picture, ...question }) });
  let response = await post();
  if (response.status === 410 && sent) {
    state.picture = await send(sent);
    response = await post();
  }
  if (!response.ok) throw await refusal(response);
  return response;
}

const STALE = 300; // milliseconds after which a newer question ends an older one

/**
 * Asks one question at a time, always the newest: what is asked meanwhile waits, and of several only the last is sent. `show`
 * gets the answer and its question.
 */
export function newest(path, show) {
  let running = null;
  let waiting = null;
  async function run(question) {
    running = { since: performance.now(), controller: new AbortController() };
    try {
      const response = await ask(path, question, running.controller.signal);
      show(await response.json(), question);
      trouble(null);
    } catch (error) {
      if (error.name !== "AbortError") trouble(error.message);
    }
    running = null;
    if (waiting) {
      const next = waiting;
      waiting = null;
      run(next);
    }
  }
  return (question) => {
    if (!running) return run(question);
    waiting = question;
    if (performance.now() - running.since > STALE) running.controller.abort();
  };
}

/** Calls `work` once it has not been asked for during `pause` milliseconds. */
export function calmed(pause, work) {
  let timer = null;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(work, pause);
  };
}
