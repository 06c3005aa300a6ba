// SPDX-License-Identifier: Apache-2.0
//
// Keeps the page current: fetches ?json each second and writes what changed into
// the elements the server rendered. Everything it needs to know about a figure is
// in the page: data-m says where it is in the JSON, data-f how it is written. Any part
// of the page may be missing: the query decides which ones there are.
// Strings reach the page as text only, never as markup.
(() => {
'use strict';

const SCHEMA = 1;
const INTERVAL_MS = 1000;
const RETRY_MS = 3000;
const TIMEOUT_MS = 10000;
const SAMPLES = 120;
const SPAN_US = SAMPLES * INTERVAL_MS * 1e3;    // that pictures go back
const GAP_US = 4 * INTERVAL_MS * 1e3;           // between two updates: nobody answered
const WINDOW = 5;       // updates that "now" looks back
const SLOW_US = 1e6;
const SLOW_ROWS = 12;

const byId = (id) => document.getElementById(id);
const all = (selector) => [...document.querySelectorAll(selector)];
const find = (object, path) => path.reduce((at, key) => (at === undefined ? at : at[key]), object);
const pathOf = (text) => text.split('.');

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

// Control bytes as their pictures, and what would hide or reorder the text around it as U+FFFD: the
// server writes the page so (base/escape.c), but the JSON says what the client really sent.
const HIDDEN = new RegExp('[\\x80-\\x9f\\xad\\u061c\\u115f\\u1160\\u180e\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f'
  + '\\u3164\\ufeff\\uffa0\\ufff0-\\ufffb\\u{e0000}-\\u{e0fff}\\p{NChar}]', 'gu');
const visible = (text) => text
  .replace(/[\x00-\x1f]/g, (control) => String.fromCharCode(0x2400 + control.charCodeAt(0)))
  .replace(/\x7f/g, '\u2421')
  .replace(HIDDEN, '\ufffd');

const format = {
  text: visible,
  letter: String,
  id: String,
  flag: (on) => (on ? 'yes' : 'no'),
  count,
  ceiling: (n) => (n === 0 ? 'no limit' : count(n)),
  'ceiling-bytes': (n) => (n === 0 ? 'no limit' : bytes(n)),
  bytes,
  seconds: (s) => duration(s * 1e6),
  us: duration,
  rate: (n) => (n < 100 ? n.toFixed(1) : count(Math.round(n))),
  'rate-bytes': (n) => bytes(n),
  time: (us) => new Date(us / 1e3).toISOString().slice(0, 19).replace('T', ' ') + ' UTC',
  real: (n) => n.toFixed(2),
};

const written = (kind, value) => (value === undefined ? '' : format[kind](value));
const rate = (kind, n) => format[kind === 'bytes' ? 'rate-bytes' : 'rate'](n);

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// ---- single figures, bars, rates and their history ----

const figures = all('span[data-m]').map((element) => ({
  element, path: pathOf(element.dataset.m), kind: element.dataset.f,
}));
const bars = all('svg[data-bar]').map((element) => ({
  element, rect: element.querySelector('rect'), value: pathOf(element.dataset.bar), max: pathOf(element.dataset.max),
}));
const rates = all('span[data-rate]').map((element) => ({
  element, path: pathOf(element.dataset.rate), kind: element.dataset.f,
}));
const alarms = all('[data-alarm]').map((element) => ({element, path: pathOf(element.dataset.alarm)}));
const peaks = all('span[data-peak]').map((element) => ({
  element, path: pathOf(element.dataset.peak), kind: element.dataset.f, value: -1,
}));
const sparks = all('svg[data-spark]').map((element) => {
  const words = element.dataset.spark.split(' ');
  return {
    line: element.querySelector('.line'), area: element.querySelector('.area'),
    path: pathOf(words[words.length - 1]), rate: words.length > 1, values: [],
  };
});
let previous;
const earlier = [];     // the last WINDOW updates, oldest first

// What a counter gained per second since the last look; undefined after a restart.
function perSecond(path, data) {
  if (!previous) return undefined;
  const seconds = (data.server.now_us - previous.server.now_us) / 1e6;
  const gained = find(data, path) - find(previous, path);
  return seconds > 0 && gained >= 0 ? gained / seconds : undefined;
}

// How close to its limit a figure is; stats/page/html_list.c has the same shares.
function levelOf(now, limit) {
  if (!limit || now < 0.8 * limit) return 'calm';
  return now < 0.95 * limit ? 'high' : 'full';
}

function showFigures(data) {
  for (const {element, path, kind} of figures) setText(element, written(kind, find(data, path)));
  for (const {element, rect, value, max} of bars) {
    const now = find(data, value) || 0;
    const limit = find(data, max) || 0;
    rect.setAttribute('width', limit ? Math.min(100, 100 * now / limit).toFixed(1) : '0');
    element.dataset.level = levelOf(now, limit);
    element.setAttribute('aria-valuenow', now);
    element.setAttribute('aria-valuemax', limit);
  }
  for (const peak of peaks) {
    peak.value = Math.max(peak.value, find(data, peak.path) ?? -1);
    if (peak.value >= 0) setText(peak.element, written(peak.kind, peak.value));
  }
  for (const {element, path, kind} of rates) {
    const now = perSecond(path, data);
    if (now !== undefined) setText(element, rate(kind, now));
  }
  for (const {element, path} of alarms) element.classList.toggle('alarm', perSecond(path, data) > 0);
  if (previous) for (const element of all('[data-rate-of]')) setText(element, 'now');
  if (previous) for (const element of all('[data-now-of]')) setText(element, 'now');
  for (const element of all('[data-show]')) element.hidden = !find(data, pathOf(element.dataset.show));
}

// Pictures are drawn by the server's time: updates come late, or not at all, just when one looks.
const isShown = (at, now) => at <= now && now - at <= SPAN_US;

function showHistory(data) {
  for (const spark of sparks) {
    const now = spark.rate ? perSecond(spark.path, data) : find(data, spark.path);
    if (now === undefined || (spark.path[0] === 'now' && !previous)) continue;
    spark.values.push({at: data.server.now_us, value: now});
    spark.values = spark.values.filter(({at}) => isShown(at, data.server.now_us));
    const top = Math.max(1, ...spark.values.map(({value}) => value));
    const xOf = (at) => ((SAMPLES - 1) * (1 - (data.server.now_us - at) / SPAN_US)).toFixed(2);
    const points = spark.values.map(({at, value}) => xOf(at) + ' ' + (31 - 30 * value / top).toFixed(2));
    spark.line.setAttribute('d', 'M' + points.join('L'));
    spark.area.setAttribute('d', 'M' + xOf(spark.values[0].at) + ' 32L' + points.join('L') + 'L' + (SAMPLES - 1) + ' 32Z');
  }
}

// ---- times: what came in between two updates, from the buckets of the histograms ----

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

// The figures of one kind of times since `before`; undefined where there were none.
function timesSince(now, before) {
  const old = new Map(before ? before.buckets : []);
  const gained = now.buckets.map(([highest, n]) => [highest, n - (old.get(highest) || 0)]).filter(([, n]) => n > 0);
  const total = gained.reduce((sum, [, n]) => sum + n, 0);
  if (!total) return {};
  return {
    p50_us: quantile(gained, total, 0.5), p90_us: quantile(gained, total, 0.9), p99_us: quantile(gained, total, 0.99),
  };
}

// `now` beside what the server tells: the same figures over the last seconds.
function addNow(data) {
  const base = earlier[0];
  data.now = {};
  if (!data.latency) return;
  for (const [name, times] of Object.entries(data.latency)) {
    data.now[name] = base?.latency?.[name] ? timesSince(times, base.latency[name]) : {...times};
  }
}

// ---- the picture of times: a line a phase, on a logarithmic scale ----

const SVG = 'http://www.w3.org/2000/svg';
const chart = byId('chart');
let chartTimes = [];        // `now` of each update, and when that was
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

// Whole powers of ten around what is shown.
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

// A gap where nothing was timed; a lone value is a dot.
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
  const lines = LINES.map((name) => [name, chartTimes.map((now) => now[name]?.[key])])
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
    + lines.map(([name, values]) => name + ' ' + (written('us', values.at(-1)) || 'none')).join(', '));
}

function showTimes(data) {
  if (!data.latency) return;
  const at = data.server.now_us;
  const before = chartTimes.at(-1)?.at;
  if (at - before > GAP_US) chartTimes.push({at: before + 1});   // nobody answered: the line has a gap
  chartTimes.push({...(previous ? data.now : {}), at});     // at first there is no present, only what was so far
  chartTimes = chartTimes.filter((now) => isShown(now.at, at));
  drawChart();
}

for (const input of all('[name="quantile"]')) input.addEventListener('change', drawChart);
if (chart) new ResizeObserver(drawChart).observe(chart);

// ---- the scoreboard ----

const board = byId('board');
const letters = all('[data-letter]').map((element) => ({element, letter: element.dataset.letter}));
let workersByKey = new Map();

function makeProcess(slot) {
  const group = document.createElement('div');
  const pid = document.createElement('span');
  const cells = document.createElement('span');
  group.className = 'proc';
  group.dataset.k = slot;
  pid.className = 'pid';
  cells.className = 'cells';
  group.append(pid, cells);
  return group;
}

function showCells(cells, picture) {
  while (cells.children.length > picture.length) cells.lastChild.remove();
  for (let i = 0; i < picture.length; i++) {
    const cell = cells.children[i] || cells.appendChild(document.createElement('i'));
    if (cell.dataset.s !== picture[i]) {
      cell.dataset.s = picture[i];
      cell.textContent = picture[i];
      cell.removeAttribute('title');
    }
  }
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

function showBoard(data) {
  if (!board) return;
  const groups = new Map([...board.children].map((group) => [group.dataset.k, group]));
  const counts = {};
  arrange(board, data.processes.map((process) => {
    const group = groups.get(String(process.slot)) || makeProcess(process.slot);
    group.dataset.state = process.state;
    setText(group.firstElementChild, String(process.pid));
    showCells(group.lastElementChild, process.scoreboard);
    for (const letter of process.scoreboard) counts[letter] = (counts[letter] || 0) + 1;
    return group;
  }));
  for (const {element, letter} of letters) setText(element, count(counts[letter] || 0));
  const totals = data.totals;
  board.setAttribute('aria-label', totals.workers_busy + ' busy, ' + totals.workers_idle + ' idle, '
    + totals.workers_starting + ' starting, ' + totals.workers_finishing + ' finishing workers in '
    + totals.processes + ' processes');
}

function tooltip(worker) {
  const words = [worker.state_name + (worker.since_us === undefined ? '' : ' for ' + duration(worker.since_us))];
  if (worker.state !== '_') words.push(...[worker.client, worker.request].filter((text) => text !== undefined).map(visible));
  return words.join(', ');
}

board?.addEventListener('mouseover', ({target}) => {
  const group = target.dataset.s && target.closest('.proc');
  if (!group) return;
  const thread = [...target.parentElement.children].indexOf(target);
  const worker = workersByKey.get(group.dataset.k + '.' + thread);
  if (worker) target.title = tooltip(worker);
});

// ---- tables: columns come from their header cells ----

function compare(a, b) {
  return typeof a === 'number' && typeof b === 'number' ? a - b : String(a).localeCompare(String(b));
}

const ZERO = /^0(\.0)?( B| \u00b5s)?$/;        // as in stats/page/html_table.c

class Table {
  constructor(id, keyOf) {
    this.body = byId(id).tBodies[0];
    this.keyOf = keyOf;
    this.rows = [];
    this.shown = new Map();
    this.matches = () => true;
    this.sorted = {column: null, down: false};
    this.columns = [...byId(id).tHead.rows[0].cells].map((th) => this.column(th));
    for (const tr of this.body.rows) this.shown.set(tr.dataset.k, {tr, texts: []});
  }

  column(th) {
    const column = {th, path: pathOf(th.dataset.m), kind: th.dataset.f, name: th.className};
    column.valueOf = column.kind.startsWith('rate')
      ? (row) => this.growth(row, column.path) : (row) => find(row, column.path);
    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = th.textContent;
    button.addEventListener('click', () => this.sortBy(column));
    th.replaceChildren(button);
    return column;
  }

  // What a counter of the row gains per second, over the last updates.
  growth(row, path) {
    const before = this.before?.rows.get(this.keyOf(row));
    if (!before) return undefined;
    const gained = find(row, path) - find(before, path);
    return gained >= 0 && this.now > this.before.now ? gained * 1e6 / (this.now - this.before.now) : undefined;
  }

  // First the direction one looks for, then the other, then the server's order again.
  sortBy(column) {
    const downFirst = !['text', 'letter', 'id'].includes(column.kind);
    if (this.sorted.column !== column) this.sorted = {column, down: downFirst};
    else if (this.sorted.down === downFirst) this.sorted = {column, down: !downFirst};
    else this.sorted = {column: null, down: false};
    for (const {th} of this.columns) th.removeAttribute('aria-sort');
    if (this.sorted.column) column.th.setAttribute('aria-sort', this.sorted.down ? 'descending' : 'ascending');
    this.order();
  }

  // Rows without a value come last, whatever the direction.
  ordered() {
    const {column, down} = this.sorted;
    if (!column) return this.rows;
    return [...this.rows].sort((a, b) => {
      const x = column.valueOf(a);
      const y = column.valueOf(b);
      if (x === undefined || y === undefined) return (x === undefined) - (y === undefined);
      return down ? compare(y, x) : compare(x, y);
    });
  }

  order() {
    arrange(this.body, this.ordered().map((row) => this.shown.get(this.keyOf(row)).tr));
  }

  makeRow(key) {
    const tr = document.createElement('tr');
    tr.dataset.k = key;
    for (const {kind, name} of this.columns) {
      const td = tr.insertCell();
      if (name) td.className = name;
      if (kind === 'letter') td.append(document.createElement('i'));
    }
    return {tr, texts: []};
  }

  fillRow({tr, texts}, row, now) {
    this.columns.forEach(({valueOf, kind, name}, i) => {
      const value = valueOf(row);
      // Until there is a second update the server's average stands.
      if (value === undefined && kind.startsWith('rate') && !this.before) return;
      const text = kind === 'age' && value !== undefined ? duration(Math.max(0, now - value)) : written(kind, value);
      if (texts[i] === text) return;
      texts[i] = text;
      const cell = kind === 'letter' ? tr.cells[i].firstElementChild : tr.cells[i];
      setText(cell, text);
      cell.classList.toggle('zero', ZERO.test(text));
      if (kind === 'letter') cell.dataset.s = text;
      if (name === 'kind') cell.dataset.v = text;
    });
  }

  show(rows, now, before) {
    this.rows = rows;
    this.now = now;
    this.before = before && {now: before.now, rows: new Map(before.rows.map((row) => [this.keyOf(row), row]))};
    const kept = new Map();
    for (const row of rows) {
      const key = this.keyOf(row);
      const entry = this.shown.get(key) || this.makeRow(key);
      this.fillRow(entry, row, now);
      kept.set(key, entry);
    }
    this.shown = kept;
    this.order();
    this.filter();
  }

  filter() {
    let visible = 0;
    for (const row of this.rows) {
      const match = this.matches(row);
      this.shown.get(this.keyOf(row)).tr.hidden = !match;
      visible += match;
    }
    return visible;
  }
}

const table = (id, keyOf) => (byId(id) ? new Table(id, keyOf) : null);
const processes = table('processes', (row) => (row.slot === undefined ? 'p' + row.pid : String(row.slot)));
const workers = table('workers', (row) => row.slot + '.' + row.thread);
const slow = table('slow', (row) => row.slot + '.' + row.thread);
const vhosts = table('vhosts', (row) => row.name);
const handlers = table('handlers', (row) => row.name);
const listeners = table('listeners', (row) => row.address);
const events = table('events', (row) => String(row.number));
const busyOnly = byId('busy-only');
const filter = byId('filter');

function isSought(row) {
  const sought = filter.value.trim().toLowerCase();
  if (busyOnly.checked && !'RWKDCL'.includes(row.state)) return false;
  return !sought || [row.client, row.vhost, row.request, row.pid, row.state_name, row.protocol]
    .some((value) => value !== undefined && String(value).toLowerCase().includes(sought));
}

function showFilter() {
  const visible = workers.filter();
  setText(byId('shown'), visible === workers.rows.length ? '' : count(visible) + ' of ' + count(workers.rows.length));
}

if (workers) {
  workers.matches = isSought;
  filter.addEventListener('input', showFilter);
  busyOnly.addEventListener('change', showFilter);
}

for (const input of all('[data-filter]')) {
  input.addEventListener('input', () => showNameFilter(input));
}

// Filters a table by the names in its first column.
function showNameFilter(input) {
  const sought = input.value.trim().toLowerCase();
  vhosts.matches = (row) => row.name.toLowerCase().includes(sought);
  const visible = vhosts.filter();
  setText(document.querySelector('[data-shown="vhosts"]'),
    visible === vhosts.rows.length ? '' : count(visible) + ' of ' + count(vhosts.rows.length));
}

// The longest requests that somebody waits for; stats/page/html_tables.c has the same letters.
function slowest(rows) {
  return rows.filter((row) => row.since_us >= SLOW_US && !row.tunnel && 'RWDL'.includes(row.state))
    .sort((a, b) => b.since_us - a.since_us).slice(0, SLOW_ROWS);
}

// ---- each second ----

const state = byId('state');
const pause = byId('pause');
let paused = false;
let timer;
let busy = false;

const title = document.title;

// What is shown when nobody answers is what was: it is dimmed, here and in the tab.
function setState(text, kind) {
  setText(state, text);
  state.className = 'pill is-' + kind;
  document.body.classList.toggle('is-stale', kind === 'lost');
  document.title = kind === 'lost' ? 'no answer \u00b7 ' + title : title;
}

const lastSeen = () => (previous ? ' since ' + format.time(previous.server.now_us).slice(11, 19) : '');

function showRecorded(data) {
  const now = data.server.now_us;
  const base = earlier[0];
  vhosts?.show(data.vhosts ?? [], now, base?.vhosts && {now: base.server.now_us, rows: base.vhosts});
  if (vhosts) showNameFilter(document.querySelector('[data-filter="vhosts"]'));
  handlers?.show(data.handlers ?? [], now);
  listeners?.show(data.listeners ?? [], now);
  events?.show(data.events ?? [], now);
}

function show(data) {
  workersByKey = new Map((data.workers || []).map((worker) => [worker.slot + '.' + worker.thread, worker]));
  addNow(data);
  showFigures(data);
  showHistory(data);
  showTimes(data);
  showBoard(data);
  processes?.show([...data.processes, ...(data.finishing || [])], data.server.now_us);
  workers?.show(data.workers, data.server.now_us);
  if (workers) showFilter();
  slow?.show(slowest(data.workers), data.server.now_us);
  showRecorded(data);
  previous = data;
  earlier.push(data);
  if (earlier.length > WINDOW) earlier.shift();
}

async function load() {
  const response = await fetch(document.body.dataset.json, {cache: 'no-store', signal: AbortSignal.timeout(TIMEOUT_MS)});
  if (!response.ok) throw new Error('HTTP ' + response.status);
  const data = await response.json();
  if (data.schema !== SCHEMA) throw new Error('reload the page');
  return data;
}

// Never two at once, and never more than half of the time.
async function tick() {
  if (paused || busy || document.hidden) return;
  const begun = performance.now();
  let wait = INTERVAL_MS;
  clearTimeout(timer);
  busy = true;
  try {
    const data = await load();
    if (!paused) {
      show(data);
      setState('live', 'live');
    }
    const took = performance.now() - begun;
    wait = Math.max(INTERVAL_MS - took, took);
  } catch (error) {
    if (!paused) setState('no answer' + lastSeen() + (/^HTTP|^reload/.test(error.message) ? ': ' + error.message : ''), 'lost');
    wait = RETRY_MS;
  }
  busy = false;
  timer = setTimeout(tick, wait);
}

pause.addEventListener('click', () => {
  paused = !paused;
  pause.textContent = paused ? 'Resume' : 'Pause';
  setState(paused ? 'paused' : 'live', paused ? 'paused' : 'live');
  tick();
});
document.addEventListener('visibilitychange', tick);

document.body.classList.add('is-live');
for (const element of all('[data-script]')) element.removeAttribute('hidden');
tick();
})();
