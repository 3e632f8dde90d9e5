/** Building the page's elements: what text is in them is never parsed as HTML. */

import { Problem } from "./api.js";
import { texts } from "./texts.js";

const NOTHING = "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg'/>"; // without an image there would be a sign of a broken one
export const SHOW_WAITING_MS = 300; // a word that flashes by disturbs

/**
 * @param {string} name
 * @param {Record<string, unknown>} [attributes] `on…` adds a listener, `--…` sets a custom property (through the
 *   CSSOM, which the Content-Security-Policy allows), false and null leave the attribute out
 * @param {...(Node | string | number | null)} children
 * @returns {HTMLElement}
 */
export function element(name, attributes = {}, ...children) {
  return filled(document.createElement(name), attributes, children);
}

/** The same for SVG. @returns {SVGElement} */
export function svg(name, attributes = {}, ...children) {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}

function filled(node, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (key.startsWith("--")) node.style.setProperty(key, String(value));
    else if (value !== false && value !== null) node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null).map((child) => (child instanceof Node ? child : String(child))));
  return node;
}

/** Put the texts into what the HTML leaves open: `data-text` and `data-label` name them. */
export function fillTexts(root) {
  for (const each of root.querySelectorAll("[data-text]")) each.textContent = textAt(each.dataset.text);
  for (const each of root.querySelectorAll("[data-label]")) each.setAttribute("aria-label", textAt(each.dataset.label));
}

function textAt(path) {
  const text = path.split(".").reduce((branch, key) => branch?.[key], texts);
  if (typeof text !== "string") throw new Error(`texts.js has no "${path}"`);
  return text;
}

/** A copy of a `<template>`'s first element, with its texts. @returns {HTMLElement} */
export function cloned(templateId) {
  const copy = document.getElementById(templateId).content.cloneNode(true);
  fillTexts(copy);
  return copy.firstElementChild;
}

/** The elements of `root` that the code names, by their `data-part`. @returns {Record<string, any>} */
export function parts(root) {
  return Object.fromEntries([...root.querySelectorAll("[data-part]")].map((each) => [each.dataset.part, each]));
}

/** What the model saw of an image, as an address; nothing before it saw it. @param {import("./api.js").Classification | null} record */
export function seenUrl(record) {
  return record?.preprocessed ? `data:image/png;base64,${record.preprocessed}` : NOTHING;
}

/** A record's image; where the browser cannot show it, such as a TIFF, what the model saw of it. */
export function picture(record, src = null) {
  const image = element("img", { src, alt: "" });
  image.addEventListener("error", () => (image.src = seenUrl(record)), { once: true });
  return image;
}

/** What may be wider than a phone: scrolled by finger and by keyboard. */
export function scrollable(label, content) {
  return element("div", { class: "scroll", role: "region", tabindex: "0", "aria-label": label }, content);
}

/** What went wrong, in words, with a way on. A mistake of ours is thrown. */
export function problemNotice(problem, retry) {
  if (!(problem instanceof Problem)) throw problem;
  const notice = element(
    "div",
    { class: "notice problem", role: "alert" },
    element("p", {}, element("strong", {}, texts.problem.title(problem))),
    element("p", {}, texts.problem.detail(problem)),
    retry ? element("button", { type: "button", onclick: tryAgain }, texts.problem.retry) : null,
  );
  function tryAgain() {
    goOnAt(notice.parentElement);
    retry();
  }
  return notice;
}

/** The second click of a double one is meant for what was there before. The keyboard's detail is 0. */
export function ignoreSecond(event) {
  if (event.detail < 2) return;
  event.preventDefault();
  event.stopPropagation();
}

/** Where a button goes once it is pressed: the keyboard would be sent back to the beginning of the page. */
export function goOnAt(place) {
  place.tabIndex = -1;
  place.focus({ preventScroll: true });
}

/**
 * What comes of some work; where nothing stands yet, a word that it is under way, once it takes long.
 * @template T @param {HTMLElement} place @param {Promise<T>} work @returns {Promise<T>}
 */
export async function awaited(place, work) {
  const word = element("p", { class: "quiet", role: "status" }, texts.page.loading);
  const timer = setTimeout(() => place.childElementCount === 0 && place.append(word), SHOW_WAITING_MS);
  return work.finally(() => clearTimeout(timer));
}
