// SPDX-License-Identifier: Apache-2.0
//
// Keeps the page current: fetches ?live every second, the elements that can change, and replaces the page's. Both
// sides name an element by data-m, a row by data-k; data-v is the number behind a text. The script formats only what
// it computes: differences between two answers. Any part may be missing: the query selects them. An answer is parsed
// as an inert document: the policy lets no string become markup.
(() => {
'use strict';

const INTERVAL_MS = 1000;
const RETRY_MS = 3000;
const TIMEOUT_MS = 10000;
const SAMPLES = 120;
const SPAN_US = SAMPLES * INTERVAL_MS * 1e3;    // that pictures go back
const GAP_US = 4 * INTERVAL_MS * 1e3;           // longer between two answers: one is missing
const WINDOW = 5;       // answers that "now" looks back

const byId = (id) => document.getElementById(id);
const all = (selector) => [...document.querySelectorAll(selector)];

// ---- figures as text; base/format.c writes them in the same way ----

const count = (n) => String(n).replace(/\B(?=(\d{3})+$)/g, '\u202f');
const twoDigits = (n) => String(Math.floor(n)).padStart(2, '0');

function bytes(n) {
  const units = ['KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'];
  if (n < 1024) return Math.floor(n) + ' B';
  let unit = 0;
  for (n /= 1024; n >= 1024 && unit < units.length - 1; unit++) n /= 1024;
  return n.toFixed(1) + ' ' + units[unit];
}

function duration(us) {
  if (us < 1e3) return us + ' \u00b5s';
  if (us < 1e6) return (us / 1e3).toFixed(1) + ' ms';
  if (us < 60e6) return (us / 1e6).toFixed(1) + ' s';
  const seconds = Math.floor(us / 1e6);
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  if (minutes < 60) return minutes + 'm ' + twoDigits(seconds % 60) + 's';
  if (hours < 24) return hours + 'h ' + twoDigits(minutes % 60) + 'm';
  return Math.floor(hours / 24) + 'd ' + twoDigits(hours % 24) + 'h';
}

const rates = {count: (n) => (n < 100 ? n.toFixed(1) : count(Math.round(n))), bytes};

// ---- elements ----

// Undefined: unknown, or not a number.
function numberOf({dataset, textContent}) {
  const text = dataset.v ?? textContent.replaceAll('\u202f', '');
  return text === '' || isNaN(text) ? undefined : Number(text);
}

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// Brings the children of `parent` into this order, moving only those out of place.
function arrange(parent, elements) {
  let at = parent.firstElementChild;
  for (const element of elements) {
    if (element === at) at = at.nextElementSibling;
    else parent.insertBefore(element, at);
  }
  while (at) {
    const next = at.nextElementSibling;
    at.remove();
    at = next;
  }
}

// Makes `old` like `fresh`; children matched by key or position stay the same elements.
function renew(old, fresh) {
  for (const {name} of [...old.attributes]) if (!fresh.hasAttribute(name)) old.removeAttribute(name);
  for (const {name, value} of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  if (!old.firstElementChild && !fresh.firstElementChild) {
    setText(old, fresh.textContent);
    return;
  }
  const kept = new Map([...old.children].map((child, i) => [child.dataset.k ?? i, child]));
  arrange(old, [...fresh.children].map((child, i) => {
    const same = kept.get(child.dataset.k ?? i);
    if (!same) return document.importNode(child, true);
    renew(same, child);
    return same;
  }));
}

// ---- differences between two answers ----

const earlier = [];     // the last WINDOW answers, oldest first: when they were, their counters and buckets by name

// A counter's rate per second since `base`; undefined if it was unknown, and after a restart.
function growth(name, answer, base) {
  const gained = answer.counters.get(name) - base?.counters.get(name);
  return gained >= 0 && answer.at > base.at ? gained * 1e6 / (answer.at - base.at) : undefined;
}

// A bucket's middle, by its largest value: 32 buckets to a power of two (base/histogram.h).
function middle(highest) {
  const width = highest < 64 ? 1 : 2 ** (Math.floor(Math.log2(highest)) - 5);
  return highest - Math.floor((width - 1) / 2);
}

function quantile(buckets, total, share) {
  let seen = 0;
  for (const [highest, n] of buckets) {
    seen += n;
    if (seen >= share * total) return middle(highest);
  }
  return undefined;
}

// The percentiles of the times that ended since `base`.
function addTimes(name, answer, base) {
  const old = base.buckets.get(name);
  const gained = [...answer.buckets.get(name)].map(([highest, n]) => [highest, n - (old?.get(highest) ?? 0)])
    .filter(([, n]) => n > 0);
  const total = gained.reduce((sum, [, n]) => sum + n, 0);
  for (const [key, share] of [['p50_us', 0.5], ['p90_us', 0.9], ['p99_us', 0.99]]) {
    answer.figures.set('now.' + name + '.' + key, quantile(gained, total, share));
  }
}

// ---- single figures and their history ----

const places = new Map();       // the elements of a figure
for (const element of all('[data-m]:not(th)')) {
  places.set(element.dataset.m, [...places.get(element.dataset.m) ?? [], element]);
}
const peaks = all('[data-peak]').map((element) => ({element, value: -1}));
const sparks = all('svg[data-spark]').map((element) => ({
  line: element.querySelector('.line'), area: element.querySelector('.area'), name: element.dataset.spark, values: [],
}));

// The figures of an answer by name: a number, or undefined.
function read(fresh) {
  const answer = {at: undefined, counters: new Map(), buckets: new Map(), figures: new Map()};
  for (const element of fresh.querySelectorAll('[data-m]')) {
    const name = element.dataset.m;
    answer.figures.set(name, numberOf(element));
    if (name.startsWith('rate ')) answer.counters.set(name, numberOf(element));
  }
  answer.at = answer.figures.get('server.now_us');
  if (answer.at === undefined) throw new Error('reload the page');
  for (const name of answer.counters.keys()) answer.figures.set(name, growth(name, answer, earlier.at(-1)));
  for (const element of fresh.querySelectorAll('[data-buckets]')) {
    const numbers = element.textContent.split(' ').map(Number);
    answer.buckets.set(element.dataset.buckets, new Map(numbers.flatMap((n, i) => (i % 2 ? [] : [[n, numbers[i + 1]]]))));
    if (earlier.length) addTimes(element.dataset.buckets, answer, earlier[0]);
  }
  return answer;
}

function showFigures(fresh, {figures}) {
  for (const element of fresh.querySelectorAll('[data-m]')) {
    for (const old of places.get(element.dataset.m) ?? []) {
      if (element.dataset.m.startsWith('show ')) old.hidden = element.hidden;
      else if (element.localName === 'svg') renew(old, element);
      else if (!old.dataset.rate) setText(old, element.textContent);
    }
  }
  for (const [name, value] of figures) {
    for (const element of places.get(name) ?? []) {
      if (name.startsWith('now.')) setText(element, value === undefined ? '' : duration(value));
      else if (element.dataset.rate && value !== undefined) setText(element, rates[element.dataset.rate](value));
    }
  }
  for (const peak of peaks) {
    if (!(figures.get(peak.element.dataset.peak) > peak.value)) continue;
    peak.value = figures.get(peak.element.dataset.peak);
    setText(peak.element, places.get(peak.element.dataset.peak)[0].textContent);
  }
  for (const element of all('[data-alarm]')) element.classList.toggle('alarm', figures.get(element.dataset.alarm) > 0);
  if (earlier.length) for (const element of all('[data-rate-of], [data-now-of]')) setText(element, 'now');
}

// Graphs use the server's time: under load answers come late, or not at all.
const isShown = (at, now) => at <= now && now - at <= SPAN_US;

function showHistory({at: now, figures}) {
  for (const spark of sparks) {
    if (figures.get(spark.name) === undefined) continue;
    spark.values.push({at: now, value: figures.get(spark.name)});
    spark.values = spark.values.filter(({at}) => isShown(at, now));
    const top = Math.max(1, ...spark.values.map(({value}) => value));
    const xOf = (at) => ((SAMPLES - 1) * (1 - (now - at) / SPAN_US)).toFixed(2);
    const points = spark.values.map(({at, value}) => xOf(at) + ' ' + (31 - 30 * value / top).toFixed(2));
    spark.line.setAttribute('d', 'M' + points.join('L'));
    spark.area.setAttribute('d', 'M' + xOf(spark.values[0].at) + ' 32L' + points.join('L') + 'L' + (SAMPLES - 1) + ' 32Z');
  }
}

// ---- the graph of times: a line for each phase, on a logarithmic scale ----

const SVG = 'http://www.w3.org/2000/svg';
const chart = byId('chart');
let chartTimes = [];        // what figures of times each answer had, and when that was
const LINES = ['total', 'head', 'queue', 'handler', 'write'];     // the whole lies behind its parts
const MARGIN = {left: 58, right: 10, top: 8, bottom: 20};
const DECADES = [10, 100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8];

function svg(name, attributes, text) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

const shownQuantile = () => document.querySelector('[name="quantile"]:checked').value;

// Whole powers of ten around the shown values.
function scaleOf(values) {
  const top = DECADES.find((at) => at >= Math.max(...values)) ?? DECADES.at(-1);
  const low = DECADES.findLast((at) => at <= Math.min(...values)) ?? DECADES[0];
  return {low: Math.min(low, top / 10), top};
}

function gridOf(scale, yOf, width, height) {
  const parts = [];
  for (const at of DECADES.filter((decade) => decade >= scale.low && decade <= scale.top)) {
    const y = yOf(at).toFixed(1);
    parts.push(svg('line', {class: 'grid', x1: MARGIN.left, x2: width - MARGIN.right, y1: y, y2: y}));
    parts.push(svg('text', {class: 'axis', x: MARGIN.left - 8, y, dy: '.32em', 'text-anchor': 'end'},
      (at === DECADES[0] ? '\u2264\u202f' : '') + duration(at).replace('.0 ', '\u202f').replace(/^(\d+) /, '$1\u202f')));
  }
  const seconds = SPAN_US / 1e6;
  for (const [share, text] of [[0, '-' + seconds + ' s'], [0.5, '-' + seconds / 2 + ' s'], [1, 'now']]) {
    parts.push(svg('text', {
      class: 'axis', x: MARGIN.left + share * (width - MARGIN.left - MARGIN.right), y: height - 4,
      'text-anchor': share === 0 ? 'start' : share === 1 ? 'end' : 'middle',
    }, text));
  }
  return parts;
}

// A gap where nothing was timed; a single value is a dot.
function lineOf(values, xOf, yOf) {
  let path = '';
  values.forEach((value, i) => {
    if (value === undefined) return;
    const point = xOf(i).toFixed(1) + ' ' + yOf(value).toFixed(1);
    path += (i > 0 && values[i - 1] !== undefined ? 'L' : 'M') + point;
    if ((i === 0 || values[i - 1] === undefined) && values[i + 1] === undefined) path += 'h.1';
  });
  return path;
}

function drawChart() {
  if (!chart) return;
  const {clientWidth: width, clientHeight: height} = chart;
  const key = shownQuantile();
  const lines = LINES.map((name) => [name, chartTimes.map(({figures}) => figures?.get('now.' + name + '.' + key))])
    .filter(([, values]) => values.some((value) => value !== undefined));
  const all = lines.flatMap(([, values]) => values.filter((value) => value !== undefined));
  if (!all.length || width < 80) {
    chart.replaceChildren();
    return;
  }
  const scale = scaleOf(all);
  const inner = {width: width - MARGIN.left - MARGIN.right, height: height - MARGIN.top - MARGIN.bottom};
  const last = chartTimes.at(-1).at;
  const xOf = (i) => MARGIN.left + inner.width * (1 - (last - chartTimes[i].at) / SPAN_US);
  const yOf = (us) => MARGIN.top + inner.height
    * (1 - Math.log10(Math.max(us, scale.low) / scale.low) / Math.log10(scale.top / scale.low));
  chart.setAttribute('viewBox', '0 0 ' + width + ' ' + height);
  chart.replaceChildren(...gridOf(scale, yOf, width, height),
    ...lines.map(([name, values]) => svg('path', {class: 'time ' + name, d: lineOf(values, xOf, yOf)})));
  chart.setAttribute('aria-label', 'Response times over time, ' + key.slice(0, 3) + ' of each phase; now '
    + lines.map(([name, values]) => name + ' ' + (values.at(-1) === undefined ? 'none' : duration(values.at(-1)))).join(', '));
}

function showTimes({at, figures}) {
  const before = chartTimes.at(-1)?.at;
  if (at - before > GAP_US) chartTimes.push({at: before + 1});   // an answer is missing: the line has a gap
  chartTimes = [...chartTimes, {at, figures}].filter((one) => isShown(one.at, at));
  drawChart();
}

for (const input of all('[name="quantile"]')) input.addEventListener('change', drawChart);
if (chart) new ResizeObserver(drawChart).observe(chart);

// ---- tables: the server's rows, sorted and filtered by the user ----

function compare(a, b) {
  return typeof a === 'number' && typeof b === 'number' ? a - b : String(a).localeCompare(String(b));
}

const busyOnly = byId('busy-only');

class Table {
  constructor(element) {
    this.id = element.id;
    this.body = element.tBodies[0];
    this.heads = [...element.tHead.rows[0].cells];
    this.names = this.heads.map((th) => th.dataset.m);
    this.sorted = {at: -1, down: false};
    this.filter = document.querySelector('[data-filter="' + this.id + '"]');
    this.filter?.addEventListener('input', () => this.choose());
    this.heads.forEach((th, at) => {
      const button = document.createElement('button');
      button.type = 'button';
      button.textContent = th.textContent;
      button.addEventListener('click', () => this.sortBy(at));
      th.replaceChildren(button);
    });
  }

  // First the column's usual direction, then the other, then the server's order.
  sortBy(at) {
    const downFirst = !('up' in this.heads[at].dataset);
    if (this.sorted.at !== at) this.sorted = {at, down: downFirst};
    else if (this.sorted.down === downFirst) this.sorted = {at, down: !downFirst};
    else this.sorted = {at: -1, down: false};
    for (const th of this.heads) th.removeAttribute('aria-sort');
    this.heads[this.sorted.at]?.setAttribute('aria-sort', this.sorted.down ? 'descending' : 'ascending');
    const rows = new Map([...this.body.rows].map((row) => [row.dataset.k, row]));
    arrange(this.body, this.ordered(this.keys.map((key) => rows.get(key))));
  }

  // Rows without a value come last in both directions.
  ordered(rows) {
    const {at, down} = this.sorted;
    if (at < 0) return rows;
    const valueOf = ({cells}) => numberOf(cells[at]) ?? (cells[at].textContent || undefined);
    return [...rows].sort((a, b) => {
      const [x, y] = [valueOf(a), valueOf(b)];
      if (x === undefined || y === undefined) return (x === undefined) - (y === undefined);
      return down ? compare(y, x) : compare(x, y);
    });
  }

  isSought(row) {
    if (this.id === 'workers' && busyOnly.checked && !('busy' in row.dataset)) return false;
    const sought = this.filter?.value.trim().toLowerCase();
    return !sought || this.filter.dataset.in.split(' ')
      .some((name) => row.cells[this.names.indexOf(name)]?.textContent.toLowerCase().includes(sought));
  }

  choose(rows = [...this.body.rows]) {
    for (const row of rows) row.hidden = !this.isSought(row);
    const visible = rows.filter((row) => !row.hidden).length;
    const shown = document.querySelector('[data-shown="' + this.id + '"]');
    if (shown) setText(shown, visible === this.total ? '' : count(visible) + ' of ' + count(this.total));
  }

  // Adds what the live form omits: a cell has its column's class, and a rate.
  complete(row, answer) {
    this.heads.forEach(({className, dataset: {rate}}, i) => {
      const cell = row.cells[i];
      cell.className = (className + ' ' + cell.className).trim();
      if (!rate) return;
      const name = this.id + ' ' + row.dataset.k + ' ' + this.names[i];
      answer.counters.set(name, numberOf(cell));
      const now = growth(name, answer, earlier[0]);
      if (now === undefined && !earlier.length) return;         // the server's average stands
      cell.dataset.v = now ?? '';
      cell.textContent = now === undefined ? '' : rates[rate](now);
    });
  }

  show(fresh, answer) {
    const rows = [...fresh.rows];
    for (const row of rows) this.complete(row, answer);
    this.keys = rows.map((row) => row.dataset.k);
    this.total = Number(fresh.dataset.count);
    this.choose(rows);
    fresh.tBodies[0].replaceChildren(...this.ordered(rows));
    renew(this.body, fresh.tBodies[0]);
  }
}

const tables = all('table.rows').map((element) => new Table(element));

// ---- every second ----

const state = byId('state');
const pause = byId('pause');
const board = byId('board');
const title = document.title;
let paused = false;
let timer;
let busy = false;
let asked = false;      // for an answer at once, though paused

// While the server does not answer the last values are shown dimmed, here and in the tab.
function setState(text, kind) {
  setText(state, text);
  state.className = 'pill is-' + kind;
  document.body.classList.toggle('is-stale', kind === 'lost');
  document.title = kind === 'lost' ? 'no answer \u00b7 ' + title : title;
}

const lastSeen = () => (earlier.length ? ' since ' + new Date(earlier.at(-1).at / 1e3).toISOString().slice(11, 19) : '');

// Another configuration has other tables or columns. Amid a restart an answer may lack some: it is left out.
const shapeOf = (shown) => shown.map(([id, columns]) => id + ' ' + columns).join();
const shape = shapeOf(tables.map(({id, names}) => [id, names.join(' ')]));
let unlike = 0;         // answers in a row of another shape

function show(fresh) {
  const answer = read(fresh);
  if (shapeOf([...fresh.querySelectorAll('table.rows')].map(({id, dataset}) => [id, dataset.columns])) !== shape) {
    if (++unlike > 1) location.reload();
    return;
  }
  unlike = 0;
  showFigures(fresh, answer);
  showHistory(answer);
  showTimes(answer);
  if (board) renew(board, fresh.getElementById('board'));
  for (const table of tables) table.show(fresh.getElementById(table.id), answer);
  earlier.push(answer);
  if (earlier.length > WINDOW) earlier.shift();
}

function load() {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open('GET', '?live' + (busyOnly?.checked ? '-busy' : '') + document.body.dataset.view);
    request.responseType = 'document';
    request.timeout = TIMEOUT_MS;
    request.onload = () => (request.status === 200 ? resolve(request.response) : reject(new Error('HTTP ' + request.status)));
    request.onerror = request.ontimeout = () => reject(new Error(''));
    request.send();
  });
}

// One request at a time, and for at most half of the time.
async function tick() {
  if (busy || document.hidden || (paused && !asked)) return;
  const begun = performance.now();
  let wait = INTERVAL_MS;
  clearTimeout(timer);
  busy = true;
  asked = false;
  try {
    const [wanted, answer] = [paused, await load()];
    if (wanted === paused) show(answer);
    if (!paused) setState('live', 'live');
    const took = performance.now() - begun;
    wait = Math.max(INTERVAL_MS - took, took);
  } catch (error) {
    if (!paused) setState('no answer' + lastSeen() + (/^HTTP|^reload/.test(error.message) ? ': ' + error.message : ''), 'lost');
    wait = RETRY_MS;
  }
  busy = false;
  timer = setTimeout(tick, asked ? 0 : wait);
}

pause.addEventListener('click', () => {
  paused = !paused;
  pause.textContent = paused ? 'Resume' : 'Pause';
  setState(paused ? 'paused' : 'live', paused ? 'paused' : 'live');
  tick();
});
document.addEventListener('visibilitychange', tick);
busyOnly?.addEventListener('change', () => {
  tables.find(({id}) => id === 'workers').choose();
  asked = true;
  tick();
});

document.body.classList.add('is-live');
for (const element of all('[data-script]')) element.removeAttribute('hidden');
tick();
})();
