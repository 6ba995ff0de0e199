// The playground: asks the API, draws each source as it finishes, then the answer. Whatever sources tell is put in as
// text, never as markup. The pieces are the page's own <template>s, the words its data-texts.
(() => {
  "use strict";
  const root = document.getElementById("playground");
  if (!root) return;
  const texts = JSON.parse(root.dataset.texts);
  const form = document.getElementById("ask");
  const lanes = document.getElementById("lanes");
  const hits = document.getElementById("hits");
  const raw = document.getElementById("raw");
  const summary = document.getElementById("summary");
  const stop = form.querySelector("[data-stop]");
  const LINE = 1000;
  let running = null;
  let names = new Map();

  const say = (key, values = {}) => texts[key].replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));
  const piece = (id) => document.getElementById(id).content.firstElementChild.cloneNode(true);
  const slot = (where, name) => where.querySelector(`[data-slot="${name}"]`);
  const fill = (where, values) => {
    for (const [name, value] of Object.entries(values)) slot(where, name).textContent = value;
    return where;
  };
  const reveal = (where, name, text) => {
    const found = slot(where, name);
    found.textContent = text;
    found.hidden = !text;
  };
  const seconds = (milliseconds) => String(milliseconds / 1000);
  const points = (number) => number.toFixed(3);
  const isPage = (url) => /^https?:\/\//i.test(url);
  const api = () => `/api/v1/mcp-servers/${root.dataset.server}`;

  const trouble = (message, place = document.getElementById("trouble")) => {
    place.replaceChildren();
    if (!message) return;
    const note = piece("t-trouble");
    const line = document.createElement("p");
    line.textContent = message;
    note.querySelector("div").append(line);
    place.append(note);
  };

  /** The reply, or null after its problem has been told. */
  const send = async (path, body, more = {}) => {
    const reply = await fetch(path, {
      method: body ? "POST" : "GET",
      headers: { ...(body ? { "Content-Type": "application/json" } : {}), Accept: more.accept ?? "application/json" },
      body: body && JSON.stringify(body),
      signal: more.signal,
    });
    if (reply.status === 401) {
      location.assign(`/signin?next=${encodeURIComponent(location.pathname + location.search)}`);
      return null;
    }
    if (reply.ok) return reply;
    trouble((await reply.json()).detail ?? say("lost"), more.trouble);
    return null;
  };

  // The time line

  const longest = () => Math.max(1, ...[...lanes.children].map((lane) => Number(lane.dataset.budget)));
  const setState = (lane, state) => {
    lane.className = `lane is-${state}`;
    slot(lane, "state").replaceChildren(piece(`t-state-${state}`));
  };
  const draw = (lane, tookMs) => {
    const width = Math.min(LINE, (LINE * tookMs) / longest());
    lane.querySelector(".took").setAttribute("width", String(Math.round(width)));
  };
  const reset = (lane, state) => {
    setState(lane, state);
    fill(lane, { hits: "", time: say("line.budget", { budget: seconds(lane.dataset.budget) }) });
    reveal(lane, "message", "");
    draw(lane, 0);
  };

  const addLane = (key, name, kind, budgetMs) => {
    const lane = piece("t-lane");
    lane.dataset.key = key;
    lane.dataset.budget = budgetMs;
    const icon = document.getElementById(`t-kind-${kind}`);
    if (icon) lane.querySelector(".kind").replaceChildren(icon.content.firstElementChild.cloneNode(true));
    fill(lane, { name });
    lanes.append(lane);
    return lane;
  };

  const finish = (report) => {
    const lane = [...lanes.children].find((one) => one.dataset.key === report.key)
      ?? addLane(report.key, report.source, report.type, longest());
    setState(lane, report.status);
    fill(lane, {
      hits: report.status === "ok" ? say("line.hits", { count: report.results }) : "",
      time: say("line.took", { took: report.took_ms, budget: seconds(lane.dataset.budget) }),
    });
    reveal(lane, "message", report.message ?? "");
    draw(lane, report.took_ms);
  };

  const animate = (search) => {
    const started = performance.now();
    const step = () => {
      if (running !== search) return;
      for (const lane of lanes.querySelectorAll(".lane.is-asking")) {
        draw(lane, Math.min(performance.now() - started, Number(lane.dataset.budget)));
      }
      requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  };

  // The answer

  /** What the agent's client receives for tools/call. */
  const asMcp = (answer, isError = false) => JSON.stringify({
    content: [{ type: "text", text: JSON.stringify(answer) }],
    structuredContent: answer,
    isError,
    resultType: "complete",
  }, null, 2);

  const showHit = (result, why) => {
    const hit = piece("t-hit");
    fill(hit, {
      title: result.title,
      source: result.source,
      updated: result.updated_at ? `· ${say("found.updated")} ${result.updated_at.slice(0, 10)}` : "",
      score: points(why.score),
      text: result.text,
      read_title: ` ${result.title}`,
      url_title: ` ${result.title}`,
      sum: say("why.sum", { score: points(why.score), text: points(why.text_points), rank: points(why.rank_points) }),
    });
    reveal(hit, "merged", result.also ? say("why.merged", { count: why.places.length }) : "");
    const meaning = why.meaning;
    reveal(hit, "meaning", meaning ? say("why.meaning", {
      rank: meaning.rank, similarity: points(meaning.similarity), by_words: meaning.rank_by_words,
    }) : "");
    if (isPage(result.url)) {
      slot(hit, "url").href = result.url;
      slot(hit, "url").hidden = false;
    }
    slot(hit, "no_words").hidden = why.words.length > 0;
    slot(hit, "word_table").hidden = why.words.length === 0;
    slot(hit, "words").append(...why.words.map((word) => fill(piece("t-word"), {
      word: word.word,
      count: word.count,
      in_title: say(word.in_title ? "why.yes" : "why.no"),
      points: points(word.points),
    })));
    slot(hit, "places").append(...why.places.map((place) => fill(piece("t-place"), {
      source: names.get(place.key) ?? place.key,
      rank: place.rank,
      points: points(place.points),
      text: say(`why.${place.text}`),
    })));
    hit.querySelector("[name=id]").value = result.id;
    hit.querySelector("[name=server]").value = root.dataset.server;
    return hit;
  };

  /** In a sentence, empty if all were asked; at the sources, whose time it would be taken for, instead of the time. */
  const tellKept = (keys, all) => {
    for (const lane of lanes.children) {
      if (keys.includes(lane.dataset.key)) fill(lane, { time: say("line.kept") });
    }
    if (!keys.length) return "";
    return ` ${keys.length === all ? say("found.kept_all") : say("found.kept", { kept: keys.length, all })}`;
  };

  const showAnswer = (tried) => {
    names = new Map(tried.sources.map((source) => [source.key, source.source]));
    hits.replaceChildren(...tried.results.map((result, number) => showHit(result, tried.explanations[number])));
    const found = say("found.summary", { count: tried.results.length, took: tried.took_ms });
    const order = say(`rerank.${tried.rerank}`);
    const kept = tellKept(tried.reused, tried.sources.length);
    summary.textContent = `${found} · ${order}${kept}${tried.results.length ? "" : ` ${say("found.none")}`}`;
    const allFailed = tried.sources.length > 0 && tried.sources.every((source) => source.status !== "ok");
    raw.hidden = false;
    raw.querySelector("pre").textContent = asMcp({ results: tried.results, sources: tried.sources }, allFailed);
  };

  // Asking

  /** Server-sent events, one {event, data} after the other. */
  async function* events(reply) {
    const reader = reply.body.pipeThrough(new TextDecoderStream()).getReader();
    let waiting = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const parts = (waiting + value).split(/\r?\n\r?\n/);
      waiting = parts.pop();
      for (const part of parts) {
        const found = { event: "message", data: "" };
        for (const line of part.split(/\r?\n/)) {
          const [, name, rest] = /^(\w+): ?(.*)$/.exec(line) ?? [];
          if (name === "event") found.event = rest;
          if (name === "data") found.data += rest;
        }
        if (found.data) yield { event: found.event, data: JSON.parse(found.data) };
      }
    }
  }

  /** Whether the answer came to its end. */
  const follow = async (reply) => {
    for await (const { event, data } of events(reply)) {
      if (event === "source") finish(data);
      if (event === "problem") trouble(data.detail);
      if (event === "result") showAnswer(data);
      if (event === "problem" || event === "result") return true;
    }
    return false;
  };

  const ask = async () => {
    running?.abort();
    const search = new AbortController();
    running = search;
    trouble("");
    hits.replaceChildren();
    raw.hidden = true;
    summary.textContent = `${say("line.asking")} …`;
    stop.hidden = false;
    for (const lane of lanes.children) reset(lane, "asking");
    animate(search);
    let ended = false;
    try {
      const body = { query: form.elements.query.value };
      const reply = await send(`${api()}/search`, body, { accept: "text/event-stream", signal: search.signal });
      ended = !reply || await follow(reply);
      if (!ended) trouble(say("lost"));
    } catch (error) {
      if (search.signal.aborted) summary.textContent = say("stopped");
      else trouble(say("lost"));
    }
    if (running !== search) return;
    running = null;
    stop.hidden = true;
    for (const lane of lanes.querySelectorAll(".lane.is-asking")) reset(lane, "waiting");
    if (!hits.childElementCount && raw.hidden && !search.signal.aborted) summary.textContent = say("none_yet");
  };

  // A hit's document

  const read = async (id, asked) => {
    const panel = slot(asked.closest(".hit"), "document");
    const label = asked.querySelector("[data-label]");
    const button = asked.querySelector("button");
    if (panel.childElementCount) {
      panel.replaceChildren();
      label.textContent = say("found.read");
      return;
    }
    button.disabled = true;
    label.textContent = `${say("found.loading")} …`;
    try {
      const reply = await send(`${api()}/fetch`, { id }, { trouble: panel });
      if (reply) panel.replaceChildren(showDocument(await reply.json()));
    } catch (error) {
      trouble(say("lost"), panel);
    }
    button.disabled = false;
    label.textContent = say(panel.childElementCount ? "found.close" : "found.read");
  };

  const showDocument = (found) => {
    const shown = fill(piece("t-document"), {
      title: found.title,
      text: found.text || say("document.empty"),
      raw: asMcp(found),
    });
    for (const [name, value] of Object.entries(found.metadata)) {
      const term = document.createElement("dt");
      const told = document.createElement("dd");
      [term.dir, told.dir] = ["auto", "auto"];
      [term.textContent, told.textContent] = [name, value];
      slot(shown, "metadata").append(term, told);
    }
    return shown;
  };

  // Another server

  const choose = async (id) => {
    running?.abort();
    const reply = await send(`/api/v1/mcp-servers/${encodeURIComponent(id)}`).catch(() => null);
    if (!reply) return;
    const server = await reply.json();
    root.dataset.server = server.id;
    history.replaceState(null, "", `/playground?server=${server.id}`);
    const used = server.sources.filter((source) => source.enabled);
    const deadline = server.deadline_ms ?? Number(root.dataset.deadline);
    const usual = Number(root.dataset.budget);
    lanes.replaceChildren();
    for (const one of used) addLane(one.key, one.name, one.type, Math.min(one.budget_ms ?? usual, deadline));
    for (const lane of lanes.children) {
      const width = Math.round((LINE * Number(lane.dataset.budget)) / longest());
      lane.querySelector(".budget").setAttribute("width", String(width));
      reset(lane, "waiting");
    }
    document.getElementById("no-source").hidden = used.length > 0;
    hits.replaceChildren();
    raw.hidden = true;
    summary.textContent = say("none_yet");
  };

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    ask();
  });
  stop.addEventListener("click", () => running?.abort());
  form.elements.server.addEventListener("change", (event) => choose(event.target.value));
  hits.addEventListener("submit", (event) => {
    if (!event.target.matches("[data-read]")) return;
    event.preventDefault();
    read(event.target.elements.id.value, event.target);
  });
})();
