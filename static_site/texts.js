/** Every text of the page, in one language. A translation is a second file like this one. */

import { isDigit } from "./api.js";

export const LANGUAGE = "en-GB";

const wholePercent = new Intl.NumberFormat(LANGUAGE, { style: "percent" });
const finePercent = new Intl.NumberFormat(LANGUAGE, { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 });
const integer = new Intl.NumberFormat(LANGUAGE);
const dateTime = new Intl.DateTimeFormat(LANGUAGE, { dateStyle: "medium", timeStyle: "short" });
const relative = new Intl.RelativeTimeFormat(LANGUAGE, { numeric: "auto" });

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** A probability; never rounded up to certain or down to impossible. */
export function percent(share) {
  if (share > 0.999 && share < 1) return "> 99.9%";
  if (share < 0.001 && share > 0) return "< 0.1%";
  return finePercent.format(share);
}

/** Cut, not rounded: 99.96 % is not 100. But 0.29, which is a little less in binary, is 29. */
export function roughPercent(share) {
  return String(Math.floor(share * 100 + 1e-9));
}

/** For a crowded table: no sign, and what is not nothing does not look like it. */
export function roughShare(share) {
  if (share > 0 && share < 0.01) return "<1";
  return roughPercent(share);
}

export const count = (number) => integer.format(number);
export const share = (number) => wholePercent.format(number);
const range = ([low, high]) => `${percent(low)} to ${percent(high)}`;
const time = (text) => dateTime.format(new Date(text));

function age(text) {
  const elapsed = Math.max(0, Date.now() - Date.parse(text)); // by a clock that may be slow
  if (elapsed < HOUR_MS) return relative.format(-Math.round(elapsed / MINUTE_MS), "minute");
  if (elapsed < 2 * DAY_MS) return relative.format(-Math.round(elapsed / HOUR_MS), "hour");
  return relative.format(-Math.round(elapsed / DAY_MS), "day");
}

const a = (digit) => `${digit === 8 ? "an" : "a"} ${digit}`;
const images = (n) => (n === 1 ? "1 image" : `${count(n)} images`);
const read = (record) => (isDigit(record) ? `read as ${record.predicted}` : "taken for no digit");

export const texts = {
  page: {
    title: "Legible",
    skip: "Skip to the content",
    views: "Views",
    loading: "Loading …",
    noConfig: "The page cannot find its settings (config.json), so it does not know where the API is.",
  },
  views: { write: "Write", handwriting: "Handwriting", model: "Model", data: "Data" },
  write: {
    heading: "Write a digit",
    lead: "With the mouse, a finger or a pen. Or bring images of digits.",
    pad: "Drawing surface. To go without drawing, choose or paste an image.",
    undo: "Undo",
    clear: "Clear",
    brush: "Pen",
    width: (share) => `${percent(share)} of the surface`,
    choose: "Choose images",
    camera: "Take a photo",
    bring: "or drop them anywhere, or paste one",
    drop: "Let go to have it read",
    tray: "Images you brought",
    progress: (read, failed, underWay, others) =>
      [
        `${images(read)} read`,
        failed > 0 ? `${count(failed)} failed` : null,
        underWay > 0 ? `${count(underWay)} to come` : null,
        others > 0 ? (others === 1 ? "1 file was no image" : `${count(others)} files were no images`) : null,
      ]
        .filter((part) => part !== null)
        .join(", "),
    unsaved: "Your last change to the image before is not saved.",
    unsavedNote: "Make it again under Handwriting.",
    unsavedClose: "Close",
    retryFailed: "Try the failed ones again",
    noImages: "There was no image in that.",
    trayItem: ({ state, record }) =>
      ({ sending: "reading …", pending: "waiting", failed: "failed", gone: "deleted" })[state] ??
      (record.true === null ? read(record) : texts.handwriting.card(record)),
  },
  answer: {
    heading: "Answer",
    empty: "The answer appears here when you pause.",
    sending: "Reading …",
    slow: "Still reading. The answer will appear here.",
    pending: "Your image is kept. The model is away for a moment; the answer will appear by itself.",
    gone: "This image was deleted meanwhile.",
    sure: (digit) => `Read as ${a(digit)}.`,
    sureNote: (confidence) => `${percent(confidence)} sure`,
    unsure: (first, second) => `Not sure: ${a(first)}, or ${a(second)}?`,
    unsureNote: (confidence) => `${percent(confidence)} for the first`,
    notDigit: "This does not look like a digit.",
    notDigitNote: (digit, confidence) => `If it is one, then most likely ${a(digit)} (${percent(confidence)}).`,
    question: "Which digit was it?",
    key: (digit, probability) => (probability === null ? `${digit}` : `${digit}, ${percent(probability)}`),
    numberKeys: "Use the keys 0 to 9",
    said: (record) => {
      const [digit, predicted] = [a(record.true), a(record.predicted)];
      if (!isDigit(record)) return `It was ${digit}, taken for no digit. It counts as read as ${predicted}.`;
      return `It was ${digit}, ${digit === predicted ? "and read as one" : `read as ${predicted}`}.`;
    },
    undoLabel: "Undo",
    undoName: "Undo what you said",
    standing: (figures) =>
      figures.labelled === 0
        ? ""
        : `${count(figures.correct)} of the ${images(figures.labelled)} you labelled ${figures.correct === 1 ? "was" : "were"} read correctly.`,
    original: "Your image",
    originalAlt: "The image as you made it",
    imageGone: "The image itself is kept no longer.",
    seen: "What the model saw",
    seenAlt: "The same image as 28 by 28 grey pixels",
    unknownDigit: "–",
    steps: {
      inverted: "light and dark swapped",
      rotated: (degrees) => `turned by ${Math.round(degrees)}°`,
      cropped: "cut to the digit",
      thickened: "strokes thickened",
      scaled: "scaled to 28 × 28",
    },
    done: (steps) => `Done to it: ${steps.join(", ")}.`,
    delete: "Delete",
    close: "Close",
  },
  handwriting: {
    heading: "My handwriting",
    lead: "How well the model reads you, and what would help.",
    none: "Nothing here yet. Write a digit and say which one it was: your figures begin with it.",
    noneLabelled: (n) => `${images(n)}, none labelled yet. Open one and say which digit it was: your figures begin with it.`,
    accuracy: "read correctly",
    basis: (figures) => `${count(figures.correct)} of ${count(figures.labelled)} labelled images`,
    interval: (interval) => `Likely from ${range(interval)}`,
    tooFew: "Too few to judge yet: the more you write, the narrower the band.",
    digits: "Digit by digit",
    digitsNote: "The dot is your share read correctly, the band its 95% interval.",
    digit: "Digit",
    correct: "Read correctly",
    of: (correct, labelled) => `${count(correct)} of ${count(labelled)}`,
    advice: "What would help",
    noAdvice: (figures) => (figures.enough ? "Nothing stands out. Your digits are told apart well." : "Nothing was misread so far."),
    misread: (pair) => `Your ${pair.true}, read as ${pair.predicted}`,
    wellRead: (digit) => `Your ${digit}, well read`,
    showPair: "Show these",
    images: "My images",
    filters: { all: "All", wrong: "Misread", open: "Not labelled" },
    pairFilter: (digit, predicted) => `${digit} read as ${predicted}`,
    noMatch: "No image of this kind.",
    more: "Show more",
    card: (record) =>
      record.status === "pending"
        ? "Not read yet"
        : record.true === null
          ? `${capital(read(record))}, not labelled`
          : `${record.true}, ${record.true === record.predicted && isDigit(record) ? "read correctly" : read(record)}`,
    opened: "One of my images",
  },
  model: {
    heading: "The model",
    lead: "How often it was right, by what people say their digits were.",
    none: "No report yet. It is made from the labels that people give, and appears here after the next run.",
    accuracy: "read correctly",
    interval: (interval) => `95% interval ${range(interval)}`,
    made: (report) => `Made ${age(report.made)} (${time(report.made)}) from ${count(report.pairs)} labelled ${report.pairs === 1 ? "image" : "images"}.`,
    old: "This report is more than a week old.",
    noPairs: "Nobody has labelled an image yet.",
    baseline: (baseline) => `Always saying ${baseline.digit} would reach ${percent(baseline.accuracy)}.`,
    coverage: ({ classifications, labelled, share: part, accuracy_bounds: bounds }) =>
      `${count(labelled)} of ${images(classifications)} are labelled (${percent(part)}). ` +
      `Over all of them, the accuracy lies somewhere from ${range(bounds)}.`,
    rejected: (n) => `${count(n)} malformed ${n === 1 ? "label was" : "labels were"} left out.`,
    matrix: "What was read as what",
    matrixNote: "Rows: the digit it was. Columns: the digit that was read. The darker the red, the more frequent the mistake. A count opens your own images of that kind.",
    unit: "Show",
    asCounts: "Counts",
    asShares: "Row %",
    corner: "was \\ read",
    cell: (row, column) => `: ${row} read as ${column}. Show mine`,
    digits: "Digit by digit",
    digitsNote: "–: nothing to judge by. In the mean it counts as 0.",
    noFigure: "–",
    digit: "Digit",
    precision: "Precision",
    recall: "Recall",
    f1: "F1",
    support: "Count",
    macro: "Mean",
    weighted: "Weighted",
    calibration: "Does it know when it is sure?",
    calibrationNote: (ece) =>
      ece === null ? "" : `On average, how sure it is and how often it is right differ by ${percent(ece)} (expected calibration error).`,
    calibrationAlt: "Confidence against accuracy. On the diagonal the two agree.",
    calibrationTable: "As a table",
    bin: "Confidence",
    sure: "How sure",
    right: "How often right",
    models: "By model version",
    model: "Model",
    days: "Day by day",
    day: "Day",
    pairs: "Labelled",
    share: "Read correctly",
    scale: (low) => `${share(low)} to 100%`,
  },
  data: {
    heading: "My data",
    lead: "There is no account. A secret in this browser is all that ties your images to you.",
    key: "My key",
    keyNote: "Whoever has it can see and delete your images. Keep a copy to go on in another browser, or to come back later: Safari forgets it after a week without a visit.",
    export: "Save my key",
    exportName: "legible-key.txt",
    import: "Use another key",
    importFile: "Open a key file",
    importField: "Key",
    begins: (start) => `The key in this browser begins with ${start}.`,
    passing: "The browser does not store it, so it lasts as long as this page is open: save it to come back.",
    importFailed: "That is not a key. A key has 43 characters: letters, digits, hyphens and underscores.",
    forget: "Forget my key",
    forgetNote: "Your images stay where they are, but without the key you cannot reach them. Delete them first if you want them gone.",
    copy: "My images",
    copyNote: "What is kept under your key: your images, how they were read, and how you labelled them.",
    download: "Download a copy",
    downloadName: "legible-data.json",
    downloading: (n) => `Gathering: ${images(n)} …`,
    downloaded: (n) => `Saved: ${images(n)}.`,
    deleteAll: "Delete everything",
    deleting: (n) => `Deleting: ${images(n)} gone …`,
    deleted: (n) => (n === 0 ? "There was nothing to delete." : `Deleted: ${images(n)}.`),
    confirmDelete: "Delete all your images and their labels? You cannot undo this. Backups go some weeks later.",
    confirmImport: "Use another key in this browser? Without a copy of the present one its images cannot be reached again.",
    confirmForget: "Forget the key of this browser? Without a copy of it your images cannot be reached again.",
    confirm: "Yes, do it",
    cancel: "Cancel",
  },
  problem: {
    title: (problem) => {
      if (problem.status === 0) return problem.timedOut ? "The answer takes too long." : "No connection to the API.";
      const refused = { 413: "This image is too large.", 415: "This kind of file cannot be read.", 422: "This image cannot be read." };
      return refused[problem.status] ?? (problem.title || "The service could not answer.");
    },
    detail: (problem) => {
      if (problem.status === 0) return "Check the connection and try again.";
      if (problem.status === 415) return "Bring it as PNG, JPEG, WebP, GIF, BMP or TIFF.";
      if (problem.status === 413 && !problem.detail) return "At most 4.5 MB can be sent.";
      return capital(problem.detail);
    },
    retry: "Try again",
  },
};

function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
