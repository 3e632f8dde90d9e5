/** The wiring: settings, the writer, the API, and one view for each address after the `#`. */

import { Api } from "./api.js";
import { DataView } from "./data.js";
import { awaited, element, fillTexts } from "./elements.js";
import { HandwritingView } from "./handwriting.js";
import { askAlsoIf, reload } from "./leaving.js";
import { ModelView } from "./model.js";
import { NumberKeys, PageStorage } from "./storage.js";
import { LANGUAGE, texts } from "./texts.js";
import { WriteView } from "./write.js";
import { Writer } from "./writer.js";

const section = (name) => document.getElementById(name);

async function start() {
  document.documentElement.lang = LANGUAGE; // which voice reads them
  fillTexts(document);
  section("page").hidden = false;
  document.querySelector(".skip").addEventListener("click", skipToContent);
  const place = element("div");
  section("content").append(place);
  const config = await awaited(place, settings());
  if (config === null) return place.replaceChildren(noSettings());
  place.remove();
  const storage = new PageStorage();
  const writer = new Writer(storage);
  askAlsoIf(() => !writer.lasts);
  let follow = () => {
    if (!writer.isReplaced || views.data.isBusy) return;
    follow = () => {}; // a second reload would break off the first
    reload();
  };
  // Told of other tabs only, and not while another page was shown in this one.
  for (const event of ["storage", "pageshow"]) addEventListener(event, () => follow());
  const api = new Api(config.api, writer);
  const numberKeys = new NumberKeys(storage);
  const views = {
    write: new WriteView(section("write"), api, numberKeys),
    handwriting: new HandwritingView(section("handwriting"), api, numberKeys),
    model: new ModelView(section("model"), api),
    data: new DataView(section("data"), api, writer, () => [views.write, views.handwriting].forEach((view) => view.discard())),
  };
  addEventListener("hashchange", () => {
    show(views);
    section("content").focus({ preventScroll: true }); // a new view is read from its beginning
  });
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href^='#']");
    if (link && !event.defaultPrevented && link.hash === location.hash) show(views); // no hashchange comes
  });
  show(views);
}

/** The address names the view, so the link must not change it. */
function skipToContent(event) {
  event.preventDefault();
  section("content").focus();
}

/** Where the API is. Never cached: a deployment changes it without touching the page. */
async function settings() {
  try {
    return await (await fetch("config.json", { cache: "no-store" })).json();
  } catch {
    return null;
  }
}

function noSettings() {
  return element(
    "div",
    { class: "notice problem", role: "alert" },
    element("p", {}, texts.page.noConfig),
    element("button", { type: "button", onclick: () => location.reload() }, texts.problem.retry),
  );
}

/** `#handwriting?true=4&predicted=9` shows that view with these parameters. */
function show(views) {
  const [address, query] = location.hash.slice(1).split("?");
  const name = Object.hasOwn(views, address) ? address : "write";
  document.querySelector("dialog[open]")?.close(); // it belongs to the view that is left
  for (const each of Object.keys(views)) section(each).hidden = each !== name;
  for (const link of document.querySelectorAll("nav a")) {
    if (link.hash === `#${name}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.title = name === "write" ? texts.page.title : `${texts.views[name]} · ${texts.page.title}`;
  views[name].show(new URLSearchParams(query));
  scrollTo(0, 0);
}

start();
